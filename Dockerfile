# syntax=docker/dockerfile:1
#
# The pure Go binary alone on an empty image: no shell, no package manager, not
# root. It runs with a read-only root; only /data is written to:
#
#   docker build --build-arg VERSION="$(git describe --tags --always)" -t oneclaw .
#   docker run --read-only --cap-drop=ALL --security-opt=no-new-privileges \
#     -v oneclaw:/data -p 127.0.0.1:8210:8210 -p 127.0.0.1:8211:8211 \
#     -e ONECLAW_ALLOW_PLAIN_HTTP=true oneclaw
#
# The last setting is right only behind a proxy that ends TLS, or when no other
# machine reaches the port, as above. Otherwise mount a certificate and set
# ONECLAW_TLS_CERT_FILE and ONECLAW_TLS_KEY_FILE.
#
# PKCS#11 needs the vendor's library and so another base: see build-hsm.

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=container
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    make build VERSION="$VERSION"
RUN mkdir -m 0700 /empty

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/LICENSE /src/NOTICE /licenses/
COPY --from=build /src/bin/oneclaw /oneclaw
# A new volume takes over the owner and mode of the directory it is mounted on.
COPY --from=build --chown=65532:65532 /empty /data

USER 65532:65532
ENV PATH=/ HOME=/data TMPDIR=/data \
    ONECLAW_DATA=/data \
    ONECLAW_LISTEN=0.0.0.0:8210 \
    ONECLAW_SHROUD_LISTEN=0.0.0.0:8211
VOLUME /data
EXPOSE 8210 8211
STOPSIGNAL SIGTERM
ENTRYPOINT ["/oneclaw"]
CMD ["serve"]
