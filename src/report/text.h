/* text.h: small pieces of text that several formats share. */
#ifndef NSCAN_REPORT_TEXT_H
#define NSCAN_REPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "nscan/report.h"

/* How many bytes the UTF-8 character at `text` has, and which it is; 0 when the bytes there are not UTF-8. */
size_t utf8_decode(const char *text, size_t n, uint32_t *code);
/* Does this character only print itself? False for controls, and for what reorders or hides its neighbours. */
bool is_plain_character(uint32_t code);
/* The command line as typed, arguments parted by a space, escaped. */
void print_arguments(FILE *out, const struct scan_info *info);

/* "Fri Jan 30 13:00:00 2026", local time in English whatever the locale. */
const char *time_as_nmap(int64_t wall_ns, char out[TIME_TEXT_BYTES]);
/* "2026-01-30 13:00:00 CET", local time. */
const char *time_local(int64_t wall_ns, char out[TIME_TEXT_BYTES]);
/* Writes thousandths / 1000 with 1 to 3 decimals and a point whatever the locale: 94100 is "94.1". */
void print_thousandths(FILE *out, int64_t thousandths);
/* "94.10": seconds with two decimals, as nmap tells them. */
void print_seconds(FILE *out, int64_t ns);
/* "0.11", "3.2", "120": milliseconds with about two figures that matter. */
void print_milliseconds(FILE *out, int64_t ns);
int64_t nanoseconds_to_us(int64_t ns);

/* What is found behind the port, else what is expected there; NULL: neither. */
const char *port_service_name(const struct port_event *port);
/* Who made the host's interface: as told, or as the lists know; NULL: unknown. */
const char *host_vendor(const struct scan_info *info, const struct host_event *host, char out[VENDOR_TEXT_BYTES]);
/* Whether there is more to say of the host than its state: it is up, or a capture tells of its ports and not whether it is. */
bool host_is_shown(const struct scan_info *info, const struct host_result *host);
/* "" for one, "s" for any other number. */
const char *plural(uint64_t n);
/* "PARTIAL: why" and the like: what an end or a note says, which may come from a record and so from anybody. */
void print_line(FILE *out, const char *before, const char *text, const char *after);
/* All addresses that the scan was to look at. */
uint64_t summary_hosts(const struct scan_summary *summary);

#endif
