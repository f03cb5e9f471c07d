# Makefile of the PostgreSQL extension rfm

EXTENSION = rfm
DATA = $(wildcard sql/rfm--*.sql)

# the control file has the version; everything else takes it from there
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" rfm.control)

MODULE_big = rfm
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
PG_CPPFLAGS = -DRFM_VERSION='"$(EXTVERSION)"'
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers

# install first: it creates the extension for the others
REGRESS = install aggregates analysis analysis_b backfill catch_up corners customer_types default_existing errors extremes hostile \
	jobs methods partitions r_rfm report retention rights rules schedule_missing shop_a shop_b target
ISOLATION = $(patsubst specs/%.spec,%,$(sort $(wildcard specs/*.spec)))
TAP_TESTS = 1

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(wildcard src/*.h) rfm.control
