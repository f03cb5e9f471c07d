# PostgreSQL with pg_cron and rfm, which scores its shop every night. What can be set: docs/container.md

ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
ARG PG_MAJOR=15
RUN apt-get update \
	&& apt-get install -y --no-install-recommends gcc libc6-dev make postgresql-server-dev-${PG_MAJOR}
WORKDIR /build
COPY Makefile rfm.control ./
COPY src src
COPY sql/rfm--*.sql sql/
RUN make -j2 with_llvm=no PG_CONFIG=/usr/lib/postgresql/${PG_MAJOR}/bin/pg_config \
	&& make install with_llvm=no PG_CONFIG=/usr/lib/postgresql/${PG_MAJOR}/bin/pg_config DESTDIR=/out

FROM ${BASE}
ARG PG_MAJOR=15
LABEL org.opencontainers.image.title="rfm" \
	org.opencontainers.image.description="PostgreSQL that scores the customers of its shop every night" \
	org.opencontainers.image.licenses="PostgreSQL"
# the number of the user is fixed, so that directories of the host can be given to it
RUN groupadd -r -g 999 postgres \
	&& useradd -r -u 999 -g postgres -d /var/lib/postgresql -s /bin/sh postgres \
	&& mkdir -p /etc/postgresql-common/createcluster.d \
	&& echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/none.conf \
	&& apt-get update \
	&& apt-get install -y --no-install-recommends postgresql-${PG_MAJOR} postgresql-${PG_MAJOR}-cron \
	&& rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
	&& install -d -o postgres -g postgres -m 755 /var/run/postgresql /var/lib/postgresql \
	&& install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data \
	&& install -d /docker-entrypoint-initdb.d
COPY --from=build /out /
COPY container/entrypoint.sh /usr/local/bin/rfm-entrypoint

ENV LANG=C.UTF-8 PGDATA=/var/lib/postgresql/data PATH=/usr/lib/postgresql/${PG_MAJOR}/bin:/usr/local/bin:/usr/bin:/bin
USER postgres
VOLUME /var/lib/postgresql/data
EXPOSE 5432
# fast shutdown: sessions are ended, not waited for
STOPSIGNAL SIGINT
# a server that is still being set up listens on no address
HEALTHCHECK --interval=10s --timeout=5s --start-period=5m --retries=3 CMD ["pg_isready", "-q", "-h", "127.0.0.1"]
ENTRYPOINT ["rfm-entrypoint"]
CMD ["postgres"]
