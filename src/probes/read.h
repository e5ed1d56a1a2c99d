/* read.h: the tables of readers, one file for each family, and what those files read and write with. */
#ifndef NSCAN_PROBES_READ_H
#define NSCAN_PROBES_READ_H

#include <string.h>

#include "nscan/bytes.h"
#include "nscan/service.h"

enum { READER_MAX_PORTS = 6 };

/* One protocol. `read` fills what it finds and returns false when the bytes are no answer of its protocol; what it wrote until then is
 * forgotten. */
struct reader {
	const char *service;              /* what the reading says when the reader does not say otherwise */
	uint16_t ports[READER_MAX_PORTS]; /* tried first there; 0 ends the list */
	bool only_there;                  /* the protocol has too little form to be recognised elsewhere */
	bool one_answer;
	bool (*read)(const uint8_t *data, size_t n, struct service_reading *out);
};

struct reader_family {
	const struct reader *readers;
	size_t count;
};

#define READER_FAMILY(name, table) const struct reader_family name = {table, sizeof(table) / sizeof((table)[0])}

/* Appends to the line for a person; parts are parted by ", ". */
void say(struct service_reading *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds a detail; empty values are left out. */
void detail(struct service_reading *out, const char *key, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* The same of bytes from the network, cleaned. */
void detail_bytes(struct service_reading *out, const char *key, const uint8_t *bytes, size_t n);
/* Bytes from the network as one line of text: line breaks and tabs become a space, NULs and blanks at the ends go, a UTF-8
 * character is not cut in two. Returns its length. */
size_t clean_text(char *out, size_t room, const uint8_t *bytes, size_t n);
/* "0a:1b:2c" with the separator, at most room / 3 bytes. */
void hex_text(char *out, size_t room, const uint8_t *bytes, size_t n, const char *separator);
/* "Name/1.2" or "Name-1.2" or "Name 1.2 more": what comes before the version, and the version. */
void product_of(struct service_reading *out, const char *text);
/* Seconds as "3 d 2 h", "12 min". */
const char *duration_text(uint64_t seconds, char out[24]);
/* Seconds since 1970 as "2026-01-31 12:00:00 UTC". */
const char *utc_text(int64_t seconds, char out[32]);

bool has_prefix(const uint8_t *data, size_t n, const char *text);
/* The same whatever the case of its letters. */
bool has_prefix_nocase(const uint8_t *data, size_t n, const char *text);
const uint8_t *find_bytes(const uint8_t *data, size_t n, const char *text);
/* The value of a header line of HTTP's form ("Server: ...") after the first line; NULL: none. */
const uint8_t *header_value(const uint8_t *data, size_t n, const char *name, size_t *length);
/* Most of it is printable ASCII (line breaks and tabs count), all but a few bytes. */
bool is_text(const uint8_t *data, size_t n);

static inline uint16_t cursor_u16le(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 2);

	return p ? (uint16_t)(p[1] << 8 | p[0]) : 0;
}

static inline uint32_t cursor_u32le(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 4);

	return p ? (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0] : 0;
}

/* The next bytes up to a NUL, which is consumed too; NULL (and ok off) when none comes. */
const uint8_t *cursor_string(struct cursor *c, size_t *length);

/* A number and what it is called; tables end with a NULL name. */
struct named_number {
	uint32_t number;
	const char *name;
};

/* NULL: not in the table. */
const char *name_of(const struct named_number *table, uint32_t number);

/* BER (X.690), as SNMP, LDAP and Kerberos use it. Enters a value with that tag: returns a cursor over its content, cut to what was
 * captured, and moves c behind it. *c goes bad when it is no such value. */
struct cursor ber_enter(struct cursor *c, uint8_t tag);
/* The tag that comes next; 0: none. */
uint8_t ber_peek(const struct cursor *c);
/* An integer of up to 8 bytes with that tag. */
int64_t ber_integer(struct cursor *c, uint8_t tag);

extern const struct reader_family readers_dns, readers_netbios, readers_snmp, readers_time, readers_ike, readers_stun,
        readers_rpc, readers_http, readers_games, readers_tls, readers_tunnel, readers_directory, readers_industry,
        readers_discovery, readers_small;

#endif
