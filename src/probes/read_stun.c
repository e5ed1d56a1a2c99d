/* read_stun.c: where our request came from, as the server sees it: STUN (RFC 8489), NAT-PMP (RFC 6886), PCP (RFC 6887). */
#include <stdio.h>

#include "read.h"

enum { HEADER_BYTES = 20, BINDING = 0x001, CLASS_SUCCESS = 0x0100, CLASS_ERROR = 0x0110, CLASS = 0x0110 };
enum {
	MAPPED_ADDRESS = 0x0001,
	ERROR_CODE = 0x0009,
	XOR_MAPPED_ADDRESS = 0x0020,
	SOFTWARE = 0x8022,
	OTHER_ADDRESS = 0x802c
};
#define MAGIC_COOKIE 0x2112a442u

/* RFC 8489 14.1, 14.2: zero, family, port, address; the XORed form hides it from clever middleboxes. `key`: cookie and transaction. */
static bool read_address(struct cursor value, const uint8_t *key, struct addr *addr, uint16_t *port)
{
	uint8_t bytes[16], family;
	const uint8_t *at;
	size_t length;

	cursor_u8(&value);
	family = cursor_u8(&value);
	*port = cursor_u16(&value);
	length = family == 1 ? 4 : 16;
	at = cursor_take(&value, length);
	if (!at || (family != 1 && family != 2))
		return false;
	for (size_t i = 0; i < length; i++)
		bytes[i] = at[i] ^ (key ? key[i] : 0);
	if (key)
		*port ^= (uint16_t)(MAGIC_COOKIE >> 16);
	*addr = addr_from_bytes(family == 1 ? 4 : 6, bytes);
	return true;
}

static void read_attribute(uint16_t type, struct cursor value, const uint8_t *key, struct service_reading *out)
{
	char text[ADDR_TEXT_BYTES], software[100];
	struct addr addr;
	uint16_t port;

	if ((type == XOR_MAPPED_ADDRESS || (type == MAPPED_ADDRESS && !out->has_mapped)) &&
	    read_address(value, type == XOR_MAPPED_ADDRESS ? key : NULL, &addr, &port)) {
		out->has_mapped = true;
		out->mapped = addr;
		out->mapped_port = port;
	} else if (type == OTHER_ADDRESS && read_address(value, NULL, &addr, &port)) {
		detail(out, "other-address", "%s port %u", addr_format(&addr, text), port);
	} else if (type == SOFTWARE && !out->product[0] &&
	           clean_text(software, sizeof(software), value.at, cursor_left(&value)) > 0) {
		detail(out, "software", "%s", software);
		product_of(out, software);
	} else if (type == ERROR_CODE && cursor_left(&value) >= 4) {
		cursor_u16(&value);
		port = (uint16_t)((cursor_u8(&value) & 7) * 100);
		port = (uint16_t)(port + cursor_u8(&value));
		clean_text(software, sizeof(software), value.at, cursor_left(&value));
		detail(out, "error", "%u %s", port, software);
	}
}

static bool read_stun(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint16_t type = cursor_u16(&c), length = cursor_u16(&c);
	const uint8_t *key = c.at;
	char text[ADDR_TEXT_BYTES];

	if (cursor_u32(&c) != MAGIC_COOKIE || !cursor_take(&c, 12) || (type & ~CLASS) != BINDING || length % 4 != 0 ||
	    ((type & CLASS) != CLASS_SUCCESS && (type & CLASS) != CLASS_ERROR))
		return false;
	while (cursor_left(&c) >= 4) {
		uint16_t attribute = cursor_u16(&c), bytes = cursor_u16(&c);
		struct cursor value = c;

		if (!cursor_take(&c, bytes))
			break;
		value.end = c.at;
		read_attribute(attribute, value, key, out);
		cursor_take(&c, (4 - bytes % 4) % 4);
	}
	if (service_detail(out, "software"))
		say(out, "%.70s", service_detail(out, "software"));
	if (service_detail(out, "error"))
		say(out, "error %s", service_detail(out, "error"));
	if (out->has_mapped) {
		detail(out, "mapped", "%s port %u", addr_format(&out->mapped, text), out->mapped_port);
		say(out, "sees us as %s", service_detail(out, "mapped"));
	}
	return true;
}

/* RFC 6886 3.2, 3.5. */
static bool read_nat_pmp(const uint8_t *data, size_t n, struct service_reading *out)
{
	static const struct named_number results[] = {{0, "success"},
	                                              {1, "unsupported version"},
	                                              {2, "not authorised"},
	                                              {3, "network failure"},
	                                              {4, "out of resources"},
	                                              {5, "unsupported opcode"},
	                                              {0, NULL}};
	struct cursor c = cursor_of(data, n);
	uint8_t version = cursor_u8(&c), operation = cursor_u8(&c);
	uint16_t result;
	uint32_t epoch;
	const uint8_t *address;
	char text[ADDR_TEXT_BYTES];

	if (version == 2 && operation & 0x80 && n >= 8 && n % 4 == 0 && n <= 1100) {
		detail(out, "protocol", "PCP");
		say(out, "PCP, result %u", data[3]);
		return true;
	}
	result = cursor_u16(&c);
	epoch = cursor_u32(&c);
	if (!c.ok || version != 0 || operation != 128 || (n != 8 && n != 12) || !name_of(results, result))
		return false;
	detail(out, "protocol", "NAT-PMP");
	detail(out, "result", "%s", name_of(results, result));
	say(out, "NAT-PMP");
	address = cursor_take(&c, 4);
	if (address && result == 0) {
		struct addr external = addr_from_bytes(4, address);

		detail(out, "external-address", "%s", addr_format(&external, text));
		say(out, "external address %s", text);
		detail(out, "uptime", "%s", duration_text(epoch, text));
		say(out, "up %s", text);
	} else if (result != 0) {
		say(out, "%s", name_of(results, result));
	}
	return true;
}

static const struct reader readers[] = {
        {.service = "stun", .ports = {3478}, .one_answer = true, .read = read_stun},
        {.service = "nat-pmp", .ports = {5351}, .only_there = true, .one_answer = true, .read = read_nat_pmp},
};

READER_FAMILY(readers_stun, readers);
