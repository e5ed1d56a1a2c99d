/* read_tls.c: encrypted transports before encryption begins: DTLS (RFC 6347), QUIC's version negotiation (RFC 9000 17.2.1). */
#include <stdio.h>

#include "read.h"

enum {
	CONTENT_ALERT = 21,
	CONTENT_HANDSHAKE = 22,
	SERVER_HELLO = 2,
	HELLO_VERIFY_REQUEST = 3,
	RECORD_BYTES = 13,
	HANDSHAKE_BYTES = 12
};

static const struct named_number versions[] = {
        {0xfeff, "DTLS 1.0"}, {0xfefd, "DTLS 1.2"}, {0xfefc, "DTLS 1.3"}, {0x0100, "DTLS 0.9 (Cisco)"}, {0, NULL}};

static bool read_dtls(const uint8_t *data, size_t n, struct service_reading *out)
{
	static const struct named_number alerts[] = {
	        {10, "unexpected_message"},
	        {40, "handshake_failure"},
	        {47, "illegal_parameter"},
	        {50, "decode_error"},
	        {70, "protocol_version"},
	        {71, "insufficient_security"},
	        {80, "internal_error"},
	        {109, "missing_extension"},
	        {112, "unrecognized_name"},
	        {115, "unknown_psk_identity"},
	        {0, NULL},
	};
	struct cursor c = cursor_of(data, n);
	uint8_t content = cursor_u8(&c), kind, level;
	uint16_t record = cursor_u16(&c), bytes, hello;

	cursor_take(&c, 8); /* epoch, sequence */
	bytes = cursor_u16(&c);
	if (!c.ok || !name_of(versions, record) || bytes == 0 || bytes > 16384 ||
	    (content != CONTENT_ALERT && content != CONTENT_HANDSHAKE))
		return false;
	if (content == CONTENT_ALERT) {
		level = cursor_u8(&c);
		kind = cursor_u8(&c);
		if (!c.ok || bytes != 2 || level < 1 || level > 2)
			return false;
		detail(out, "alert", "%s", name_of(alerts, kind) ? name_of(alerts, kind) : "other");
		say(out, "%s, alert %s", name_of(versions, record), service_detail(out, "alert"));
		detail(out, "dtls-version", "%s", name_of(versions, record));
		return true;
	}
	kind = cursor_u8(&c);
	cursor_take(&c, HANDSHAKE_BYTES - 1);
	hello = cursor_u16(&c);
	if (!c.ok || !name_of(versions, hello) || (kind != SERVER_HELLO && kind != HELLO_VERIFY_REQUEST))
		return false;
	if (kind == SERVER_HELLO) {
		uint8_t session;

		cursor_take(&c, 32); /* random */
		session = cursor_u8(&c);
		cursor_take(&c, session);
		hello = c.ok ? hello : record;
		detail(out, "dtls-version", "%s", name_of(versions, hello));
		if (cursor_left(&c) >= 2)
			detail(out, "cipher-suite", "0x%04x", cursor_u16(&c));
		say(out, "%s, begins a handshake", name_of(versions, hello));
	} else {
		/* Its version says nothing: RFC 6347 4.2.1 has servers send DTLS 1.0 there. */
		detail(out, "cookie-bytes", "%u", cursor_u8(&c));
		say(out, "DTLS, asks for its cookie (no amplifier)");
	}
	return true;
}

/* "RFC 9000" is version 1; those of drafts, of Google and of Facebook are four letters or a number. */
static void add_version(char *list, size_t room, uint32_t version)
{
	static const struct named_number known[] = {
	        {1, "1 (RFC 9000)"}, {0x6b3343cf, "2 (RFC 9369)"}, {0x709a50c4, "2 (draft)"}, {0, NULL}};
	size_t at = strlen(list);
	const char *between = at ? "; " : "";
	char letters[5] = {(char)(version >> 24), (char)(version >> 16), (char)(version >> 8), (char)version, 0};

	if ((version & 0x0f0f0f0f) == 0x0a0a0a0a || at + 24 >= room)
		return; /* reserved, to keep clients able to negotiate (RFC 9000 15) */
	if (name_of(known, version))
		snprintf(list + at, room - at, "%s%s", between, name_of(known, version));
	else if (version >> 8 == 0xff0000)
		snprintf(list + at, room - at, "%sdraft-%u", between, version & 0xff);
	else if (is_text((const uint8_t *)letters, 4))
		snprintf(list + at, room - at, "%s%s", between, letters);
	else
		snprintf(list + at, room - at, "%s0x%08x", between, version);
}

static bool read_quic(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint8_t first = cursor_u8(&c);
	uint32_t version = cursor_u32(&c);
	char list[160] = "";
	bool fits = c.ok && first & 0x80 && version == 0;

	for (int i = 0; i < 2 && fits; i++) {
		uint8_t bytes = cursor_u8(&c);

		fits = bytes <= 20 && cursor_take(&c, bytes);
	}
	if (!fits || cursor_left(&c) < 4 || cursor_left(&c) % 4 != 0 || cursor_left(&c) > 256)
		return false;
	while (cursor_left(&c) >= 4)
		add_version(list, sizeof(list), cursor_u32(&c));
	detail(out, "quic-versions", "%s", list);
	say(out, "QUIC versions %.100s", list[0] ? list : "none told");
	return true;
}

static const struct reader readers[] = {
        {.service = "dtls", .ports = {4433}, .read = read_dtls},
        {.service = "coaps", .ports = {5684}, .only_there = true, .read = read_dtls},
        {.service = "https", .ports = {443}, .only_there = true, .read = read_quic},
        {.service = "domain-s", .ports = {853}, .only_there = true, .read = read_quic},
        {.service = "quic", .ports = {0}, .read = read_quic},
};

READER_FAMILY(readers_tls, readers);
