/* bytes.h: a bounds-checked big-endian reader over bytes that nobody vouches for.
 *
 * The check lives inside the accessor: a read past the end yields zero and turns `ok` off for good, so a
 * parser may read a whole header and test once. */
#ifndef NSCAN_BYTES_H
#define NSCAN_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool ok;
};

static inline struct cursor cursor_of(const uint8_t *bytes, size_t n)
{
	return (struct cursor){bytes, bytes ? bytes + n : bytes, true}; /* NULL: none, whatever n says */
}

static inline size_t cursor_left(const struct cursor *c)
{
	return c->ok ? (size_t)(c->end - c->at) : 0;
}

/* The next n bytes, consumed; NULL (and ok off) when there are fewer. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
	const uint8_t *start = c->at;

	if (cursor_left(c) < n || !c->ok) {
		c->ok = false;
		return NULL;
	}
	c->at += n;
	return start;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 1);

	return p ? p[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t cursor_u32(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

/* Big-endian writes into memory the caller owns. */
static inline void put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put_u32(uint8_t *p, uint32_t v)
{
	put_u16(p, (uint16_t)(v >> 16));
	put_u16(p + 2, (uint16_t)v);
}

#endif
