FROM python:3.11-slim-bookworm
WORKDIR /src
COPY . .
# The pinned packages first, with their hashes; then ours, without looking for more.
RUN python -m venv /opt/loadlens \
    && /opt/loadlens/bin/pip install --no-cache-dir --require-hashes --requirement requirements/site.lock \
    && /opt/loadlens/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && useradd --system --home-dir /var/lib/loadlens --create-home loadlens \
    && mkdir /var/lib/loadlens-key && chown loadlens /var/lib/loadlens-key
USER loadlens
WORKDIR /var/lib/loadlens
ENTRYPOINT ["/opt/loadlens/bin/loadlens"]
CMD ["serve"]
