/* values.h: texts of the command line become numbers, durations and bytes. Whole text or nothing: "10x" is never 10. */
#ifndef NSCAN_VALUES_H
#define NSCAN_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits, or hexadecimal after "0x". False when it is anything else or does not fit. */
bool value_number(const char *text, uint64_t *out);
/* "500ms", "5s", "2m", "1h", "1.5s"; a bare number is seconds. Zero and more than a hundred years are refused. */
bool value_duration(const char *text, int64_t *out_ns);
/* A positive decimal number: "1000", "0.5". */
bool value_rate(const char *text, double *out);
/* One to four hexadecimal digits, perhaps after "0x". */
bool value_hex16(const char *text, uint16_t *out);
/* "deadbeef", "0xDEADBEEF" or "\xde\xad": pairs of hexadecimal digits. Writes at most `room` bytes to `out`; *count says how
 * many there are. False for an odd or foreign digit, nothing at all, or more bytes than there is room for. */
bool value_hex_bytes(const char *text, uint8_t *out, size_t room, size_t *count);
/* "about" words for a person: "1 m 40 s", "2 h 5 m", "3 d 4 h", "0.4 s". Returns `out`. */
#define DURATION_TEXT_BYTES 32
const char *duration_format(int64_t ns, char out[DURATION_TEXT_BYTES]);

#endif
