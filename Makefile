# nscan: build, test, lint, demo.   `make help` lists the targets.
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= gcc
V       ?= 0
# Each variant builds in its own folder: release, clang, asan (AddressSanitizer and UBSan), fuzz.
VARIANT ?= release
BUILD   ?= build/$(VARIANT)

VERSION := 0.1.0
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith \
        -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla -Wundef -Wimplicit-fallthrough -Wnull-dereference
CPPFLAGS_ALL = -Iinclude -D_GNU_SOURCE -DNSCAN_VERSION='"$(VERSION)"' $(shell pkg-config --cflags libxml-2.0 2>/dev/null) $(CPPFLAGS)
CFLAGS ?= -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
CFLAGS_ALL := -std=c11 $(WARN) $(CFLAGS)
LIBS := -lnet -lpcap -lmnl -lcap-ng -ljansson -lxml2 -lcares -lm

ifeq ($(VARIANT),asan)
CFLAGS_ALL := -std=c11 $(WARN) -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -Wno-null-dereference
endif
ifeq ($(VARIANT),clang)
CC := clang
CFLAGS_ALL := -std=c11 $(filter-out -Wold-style-definition,$(WARN)) $(CFLAGS)
endif
ifeq ($(VARIANT),fuzz)
CC := clang
CFLAGS_ALL := -std=c11 $(filter-out -Wold-style-definition,$(WARN)) -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
endif

ifeq ($(V),0)
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)'
endif

SOURCES := $(sort $(wildcard src/*/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
MAIN    := $(BUILD)/src/cli/main.o
LIBRARY := $(BUILD)/libnscan.a
TESTS   := $(patsubst tests/%.c,%,$(sort $(wildcard tests/test_*.c)))
TEST_BINARIES := $(TESTS:%=$(BUILD)/tests/%)
# Helpers that several test programs share (the simulated network, packet builders).
TEST_SOURCES := $(sort $(wildcard tests/sim/*.c) $(wildcard tests/support/*.c))
TEST_OBJECTS := $(TEST_SOURCES:%.c=$(BUILD)/%.o)
# Programs that the scripts in tests/live and tests/cli use.
LIVE_HELPERS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/live/*.c tests/cli/*.c)))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

.PHONY: all help deps check unit live lint demo bench fuzz fuzz-short sim golden install clean distclean tests-build program
.DEFAULT_GOAL := all

all: deps-quiet nscan

help:
	@echo 'all      build ./nscan (installs missing Debian packages when run as root)'
	@echo 'check    build with gcc, clang and sanitizers; lint; run every test (live ones need root)'
	@echo 'unit     only the tests that need no root'
	@echo 'live     only the tests in network namespaces (root)'
	@echo 'demo     raise a throw-away LAN and scan it (root)'
	@echo 'lint     clang-format, cppcheck, layering'
	@echo 'bench    speed and memory beside other scanners (root)'
	@echo 'sim      many more simulated scenarios than check runs'
	@echo 'golden   decode and report every capture of pcaps anew: shows the difference, asks, rewrites'
	@echo 'fuzz     libFuzzer, FUZZ_SECONDS for each target'
	@echo 'install  PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)'

# What Debian 12 has to provide. RUN_PACKAGES is for the tests, the lint and the demo's LAN.
BUILD_PACKAGES := gcc make pkg-config libc6-dev libpcap-dev libnet1-dev libmnl-dev libcap-ng-dev libjansson-dev libxml2-dev libc-ares-dev
RUN_PACKAGES   := iproute2 iptables tcpdump dnsmasq-base chrony snmpd iputils-ping iputils-tracepath procps util-linux jq python3
TEST_PACKAGES  := libcmocka-dev shellcheck clang libclang-rt-14-dev clang-format cppcheck valgrind tshark nmap nmap-common ndiff libxml2-utils man-db ieee-data parallel python3-yaml

# Servers that the scan of real daemons has to find (tests/lab/daemons).
DAEMON_PACKAGES := rpcbind memcached coturn kamailio libcoap3-bin freeradius krb5-kdc krb5-admin-server strongswan-starter strongswan-charon \
                   openvpn xl2tpd avahi-daemon samba xinetd mumble-server ioquake3-server teeworlds-server minetest-server bind9 wsdd2 knxd \
                   miniupnpd openipmi aria2 caddy osmo-ggsn osmo-mgw xdm openssl

.PHONY: deps-quiet deps-build deps-run deps-test deps-daemons
deps: deps-build deps-run deps-test deps-daemons
deps-build deps-quiet: ; @tests/support/deps $(BUILD_PACKAGES)
deps-run: ; @tests/support/deps $(RUN_PACKAGES)
deps-test: ; @tests/support/deps $(TEST_PACKAGES)
deps-daemons: ; @tests/support/deps $(DAEMON_PACKAGES)

program: nscan
nscan: $(BUILD)/nscan
	$(Q)cp -f $< $@

$(BUILD)/nscan: $(MAIN) $(LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

$(LIBRARY): $(filter-out $(MAIN),$(OBJECTS))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) -Itests $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(TEST_BINARIES): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(TEST_OBJECTS) $(LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka

$(LIVE_HELPERS): %: %.o $(LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

tests-build: $(BUILD)/nscan $(TEST_BINARIES) $(LIVE_HELPERS)

# Every test, in every build. The runner prints the closing line "N passed, N failed, N skipped".
check: deps nscan
	@tests/run all
unit: deps-build deps-test
	@tests/run unit
live: deps nscan
	@tests/run live
lint: deps-test
	@tests/support/lint
demo: deps-build deps-run nscan
	@tests/lab/demo
bench: deps nscan
	@tests/bench/run
sim: deps-build deps-test
	@tests/sim/run
# What decode makes of every capture, and what is reported from it, for a person to look at.
golden: $(BUILD)/tests/test_pcaps $(BUILD)/nscan
	@tests/cli/pcaps.sh golden
	$(Q)$< golden
	@echo 'now: pcaps/judge asks tshark whether the decoding is right, git diff pcaps shows what changed'

FUZZ_SECONDS ?= 600
fuzz: deps-build deps-test
	@$(MAKE) --no-print-directory VARIANT=fuzz fuzzers
	@tests/fuzz/run seconds $(FUZZ_SECONDS)
fuzz-short: deps-build deps-test
	@$(MAKE) --no-print-directory VARIANT=fuzz fuzzers
	@tests/fuzz/run runs 20000
.PHONY: fuzzers
fuzzers: $(FUZZERS:%=$(BUILD)/%)
$(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -fsanitize=fuzzer -o $@ $^ $(LIBS)

install: nscan
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 0755 nscan $(DESTDIR)$(PREFIX)/bin/nscan
	install -m 0644 man/nscan.8 $(DESTDIR)$(PREFIX)/share/man/man8/nscan.8

clean:
	rm -rf build nscan
distclean: clean

-include $(wildcard $(BUILD)/src/*/*.d $(BUILD)/tests/*.d $(BUILD)/tests/*/*.d)
