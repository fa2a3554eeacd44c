# Runs as an ordinary user on a read-only root file system; everything it writes is in /data:
#   docker build -t screenpop .
#   docker run --read-only -v screenpop:/data -p 8000:8000 screenpop

FROM node:22-bookworm-slim AS pages
WORKDIR /src/screenpop_ui
COPY screenpop_ui/package.json screenpop_ui/package-lock.json screenpop_ui/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY screenpop_ui/ ./
RUN npm run build

FROM python:3.13-slim-bookworm AS program
WORKDIR /src
RUN python -m venv /opt/screenpop
COPY requirements/ requirements/
RUN /opt/screenpop/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt \
 && pip install --no-cache-dir --require-hashes -r requirements/build.txt
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY alembic/ alembic/
COPY connectors/ connectors/
COPY app/ app/
COPY --from=pages /src/screenpop_ui/dist screenpop_ui/dist
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/screenpop/bin/pip install --no-cache-dir --no-deps --no-index /wheels/*.whl

FROM python:3.13-slim-bookworm
COPY --from=program /opt/screenpop /opt/screenpop
RUN install -d -o 10001 -g 10001 /data
# TMPDIR: SQLite and uploads need a writable place even where /tmp is not.
ENV PATH=/opt/screenpop/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SCREENPOP_DATA_DIR=/data \
    TMPDIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["screenpop"]
CMD ["serve", "--host", "0.0.0.0"]
