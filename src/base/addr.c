/* addr.c: IPv4 and IPv6 addresses as one value: order, prefixes, text. */
#include "nscan/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "nscan/bytes.h"

struct addr addr_from_v4(uint32_t host_order)
{
	struct addr a = {.family = 4};

	put_u32(a.bytes, host_order);
	return a;
}

struct addr addr_from_bytes(uint8_t family, const uint8_t *bytes)
{
	struct addr a = {.family = family};

	memcpy(a.bytes, bytes, addr_bytes(&a));
	return a;
}

uint32_t addr_v4(const struct addr *a)
{
	struct cursor c = cursor_of(a->bytes, 4);

	return a->family == 4 ? cursor_u32(&c) : 0;
}

size_t addr_bytes(const struct addr *a)
{
	return a->family == 4 ? 4 : a->family == 6 ? 16 : 0;
}

int addr_bits(const struct addr *a)
{
	return (int)addr_bytes(a) * 8;
}

bool addr_is_set(const struct addr *a)
{
	return a->family != 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_compare(a, b) == 0;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, addr_bytes(a));
}

bool addr_increment(struct addr *a)
{
	struct addr next = *a;

	for (size_t i = addr_bytes(a); i > 0; i--) {
		if (++next.bytes[i - 1] != 0) {
			*a = next;
			return true;
		}
	}
	return false;
}

/* The bits of byte `i` that belong to the first prefix_bits bits. */
static uint8_t prefix_mask(size_t i, int prefix_bits)
{
	int bits = prefix_bits - (int)i * 8;

	if (bits >= 8)
		return 0xff;
	return bits <= 0 ? 0 : (uint8_t)(0xff << (8 - bits));
}

bool addr_in_prefix(const struct addr *a, const struct addr *prefix, int prefix_bits)
{
	if (a->family != prefix->family)
		return false;
	for (size_t i = 0; i < addr_bytes(a); i++) {
		if ((a->bytes[i] ^ prefix->bytes[i]) & prefix_mask(i, prefix_bits))
			return false;
	}
	return true;
}

struct addr addr_prefix_first(const struct addr *a, int prefix_bits)
{
	struct addr first = *a;

	for (size_t i = 0; i < addr_bytes(a); i++)
		first.bytes[i] &= prefix_mask(i, prefix_bits);
	return first;
}

struct addr addr_prefix_last(const struct addr *a, int prefix_bits)
{
	struct addr last = *a;

	for (size_t i = 0; i < addr_bytes(a); i++)
		last.bytes[i] |= (uint8_t)~prefix_mask(i, prefix_bits);
	return last;
}

/* Four decimal numbers 0 to 255 and three dots, nothing else. A leading zero is refused: some read it as octal. */
static bool parse_v4(const char *text, struct addr *out)
{
	struct addr a = {.family = 4};

	for (int octet = 0; octet < 4; octet++) {
		const char *start = text;
		unsigned value = 0;

		if (octet > 0 && *text++ != '.')
			return false;
		start = text;
		while (*text >= '0' && *text <= '9' && text - start < 3)
			value = value * 10 + (unsigned)(*text++ - '0');
		if (text == start || value > 255 || (*start == '0' && text - start > 1))
			return false;
		a.bytes[octet] = (uint8_t)value;
	}
	if (*text != '\0')
		return false;
	*out = a;
	return true;
}

bool addr_parse(const char *text, struct addr *out)
{
	uint8_t bytes[16];

	if (!strchr(text, ':'))
		return parse_v4(text, out);
	if (inet_pton(AF_INET6, text, bytes) != 1)
		return false;
	*out = addr_from_bytes(6, bytes);
	return true;
}

/* inet_ntop goes through sprintf, which reports of millions of hosts feel. */
static void format_v4(const uint8_t bytes[4], char *out)
{
	for (int i = 0; i < 4; i++) {
		unsigned octet = bytes[i];

		if (i > 0)
			*out++ = '.';
		if (octet >= 100)
			*out++ = (char)('0' + octet / 100);
		if (octet >= 10)
			*out++ = (char)('0' + octet / 10 % 10);
		*out++ = (char)('0' + octet % 10);
	}
	*out = '\0';
}

const char *addr_format(const struct addr *a, char out[ADDR_TEXT_BYTES])
{
	if (a->family == 4)
		format_v4(a->bytes, out);
	else if (addr_bytes(a) == 0 || !inet_ntop(AF_INET6, a->bytes, out, ADDR_TEXT_BYTES))
		memcpy(out, "-", 2);
	return out;
}

uint32_t addr_hash(const struct addr *a)
{
	uint64_t h = 0x9e3779b97f4a7c15 ^ a->family;
	struct cursor c = cursor_of(a->bytes, addr_bytes(a));

	while (cursor_left(&c) >= 4) {
		h = (h ^ cursor_u32(&c)) * 0xff51afd7ed558ccd;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

const char *mac_format(const uint8_t mac[MAC_BYTES], char out[MAC_TEXT_BYTES])
{
	snprintf(out, MAC_TEXT_BYTES, "%02X:%02X:%02X:%02X:%02X:%02X", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return out;
}
