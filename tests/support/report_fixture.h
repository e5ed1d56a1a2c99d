/* report_fixture.h: events, a scan's beginning and its end as the tests of the reports need them. */
#ifndef NSCAN_TESTS_REPORT_FIXTURE_H
#define NSCAN_TESTS_REPORT_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "nscan/report.h"

/* 2026-01-31 12:00:00.123 UTC, which is `FIXTURE_START_NS` on the link's clock. */
#define FIXTURE_WALL_NS  INT64_C(1769860800123000000)
#define FIXTURE_START_NS INT64_C(5000000000)

struct addr fixture_addr(const char *text);

/* Events of the host with that ordinal, which has the address 192.168.0.(100 + ordinal) and upwards. */
struct event event_up(uint64_t ordinal);
struct event event_down(uint64_t ordinal, const char *reason, const char *from);
struct event event_unknown(uint64_t ordinal);
struct event event_port(uint64_t ordinal, uint16_t port, enum port_state state, const char *reason);
struct event event_limit(uint64_t ordinal, double icmp_per_s, uint32_t burst);
/* Path MTU 1400 behind 192.168.0.254, fragments pass both ways. */
struct event event_mtu(uint64_t ordinal);
struct event event_note(uint64_t ordinal, uint16_t port, const char *code, const char *text);
struct event event_done(uint64_t ordinal);

/* A scan of ports 1 to 100 as "nscan -sU 192.168.0.100-200"; static, do not free. Sets the time zone to UTC. */
struct scan_info fixture_info(void);
/* A whole run of 94.1 s. */
struct scan_summary fixture_summary(uint64_t up, uint64_t down, uint64_t unknown);

/* Everything that the format wrote, to be freed. Asserts that nothing went wrong. */
char *fixture_report(const struct report_format *format, const struct scan_info *info, const struct event *events,
                     size_t count, const struct scan_summary *summary);
/* A file's contents, to be freed. */
char *fixture_read(const char *path);
/* A new folder under /tmp, removed by fixture_remove with what is in it. */
char *fixture_folder(void);
void fixture_remove(char *folder);

#endif
