# Makefile of the PostgreSQL extension rfm

EXTENSION = rfm
# the control file has the version; everything else takes it from there
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" rfm.control)
DATA = $(wildcard sql/rfm--*.sql)

MODULE_big = rfm
OBJS = $(patsubst %.c,%.o,$(wildcard src/*.c))
PG_CPPFLAGS = -DRFM_VERSION='"$(EXTVERSION)"'
PG_CFLAGS = -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers

REGRESS = install
REGRESS_OPTS = --inputdir=. --load-extension=plpgsql
TAP_TESTS = 1

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(wildcard src/*.h) rfm.control
