"""The product beside a bare server that does the same work, measured alternately in one run."""
