# One image for web, authorizer, worker, scheduler and shipper; docker-compose.yml names the commands.

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /src
COPY pyproject.toml constraints.txt ./
COPY apim/__init__.py apim/__init__.py
COPY apim/runtime/__init__.py apim/runtime/requirements.py apim/runtime/
RUN python -m apim.runtime.requirements > requirements.txt \
    && pip install -c constraints.txt -r requirements.txt

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=apim.settings.production \
    APIM_HOME=/var/lib/apim
RUN useradd --uid 10001 --user-group --no-create-home apim \
    && install -d -o apim -g apim /var/lib/apim /var/lib/apim/run /var/lib/apim/envoy
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/apim
COPY . .
USER apim
EXPOSE 8000 8001
CMD ["python", "-m", "granian", "--interface", "wsgi", "apim.wsgi:application", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "8", "--no-ws", "--workers-kill-timeout", "10", "--static-path-route", "/static", "--static-path-mount", "/var/lib/apim/static", "--static-path-expires", "31536000"]
