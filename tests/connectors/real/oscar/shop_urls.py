# mypy: ignore-errors
"""The addresses of the shop of the tests."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("api/", include("oscarapi.urls"))]
