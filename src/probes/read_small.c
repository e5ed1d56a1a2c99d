/* read_small.c: the small services: TFTP, memcached, and those of the 1980s, whose answers have no form but a port. */
#include <stdio.h>

#include "read.h"

enum { TFTP_DATA = 3, TFTP_ERROR = 5, TFTP_OPTIONS = 6, TFTP_BLOCK = 512 };

/* RFC 1350 5, RFC 2347. */
static bool read_tftp(const uint8_t *data, size_t n, struct service_reading *out)
{
	static const struct named_number errors[] = {
	        {0, "not defined"}, {1, "file not found"},    {2, "access violation"},
	        {3, "disk full"},   {4, "illegal operation"}, {5, "unknown transfer id"},
	        {6, "file exists"}, {7, "no such user"},      {8, "option negotiation"},
	        {0, NULL},
	};
	struct cursor c = cursor_of(data, n);
	uint16_t operation = cursor_u16(&c), word = cursor_u16(&c);
	size_t length;
	const uint8_t *text;

	if (operation == TFTP_ERROR && name_of(errors, word)) {
		text = cursor_string(&c, &length);
		if (!text || cursor_left(&c) > 0 || (length > 0 && !is_text(text, length)))
			return false;
		detail(out, "error", "%u %s", word, name_of(errors, word));
		detail_bytes(out, "message", text, length);
		say(out, "error %u: %.80s", word,
		    service_detail(out, "message") ? service_detail(out, "message") : name_of(errors, word));
		return true;
	}
	if (operation == TFTP_DATA && word == 1 && c.ok && cursor_left(&c) <= TFTP_BLOCK) {
		say(out, "sends a file of that name (%zu bytes in the first block)", cursor_left(&c));
		return true;
	}
	if (operation == TFTP_OPTIONS && n > 4 && data[n - 1] == 0 && is_text(data + 2, 1)) {
		say(out, "accepts options");
		return true;
	}
	return false;
}

/* protocol.txt, "UDP protocol": request id, sequence, datagrams, reserved; then the line. */
static bool read_memcached(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint16_t sequence, datagrams, reserved;
	char version[SERVICE_NAME_BYTES];
	const uint8_t *end;

	cursor_u16(&c);
	sequence = cursor_u16(&c);
	datagrams = cursor_u16(&c);
	reserved = cursor_u16(&c);
	if (!c.ok || sequence != 0 || datagrams == 0 || reserved != 0)
		return false;
	if (has_prefix(c.at, cursor_left(&c), "VERSION ")) {
		cursor_take(&c, 8);
		end = cursor_left(&c) > 0 ? memchr(c.at, '\r', cursor_left(&c)) : NULL;
		clean_text(version, sizeof(version), c.at, end ? (size_t)(end - c.at) : cursor_left(&c));
		snprintf(out->product, sizeof(out->product), "memcached");
		snprintf(out->version, sizeof(out->version), "%s", version);
		detail(out, "version", "%s", version);
		say(out, "memcached %s", version);
		return true;
	}
	if (!has_prefix(c.at, cursor_left(&c), "ERROR") && !has_prefix(c.at, cursor_left(&c), "CLIENT_ERROR") &&
	    !has_prefix(c.at, cursor_left(&c), "SERVER_ERROR"))
		return false;
	say(out, "memcached, refuses the command");
	return true;
}

/* RFC 868: seconds since 1900. Only where it is at home, and only in this and the next decades. */
static bool read_time_protocol(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint32_t seconds = cursor_u32(&c);
	char text[32];

	if (n != 4)
		return false;
	detail(out, "time", "%s",
	       utc_text((int64_t)seconds - INT64_C(2208988800) + (seconds < 0x80000000u ? INT64_C(1) << 32 : 0), text));
	say(out, "%s", text);
	return true;
}

/* RFC 867, RFC 865. */
static bool read_line(const uint8_t *data, size_t n, struct service_reading *out)
{
	char text[100];

	if (n < 4 || !is_text(data, n) || clean_text(text, sizeof(text), data, n) == 0)
		return false;
	detail(out, "text", "%s", text);
	say(out, "%s", text);
	return true;
}

static bool read_daytime(const uint8_t *data, size_t n, struct service_reading *out)
{
	if (!read_line(data, n, out) || !find_bytes(data, n, ":"))
		return false;
	out->detail_count = 0;
	out->text_bytes = 0;
	detail(out, "time", "%s", out->info);
	return true;
}

/* RFC 864: a random number of characters, as a rule from the rotating pattern of all of ASCII. */
static bool read_chargen(const uint8_t *data, size_t n, struct service_reading *out)
{
	if (!is_text(data, n))
		return false;
	say(out, "%zu characters", n);
	return true;
}

/* RFC 862: whatever came goes back; the caller knows better what it sent. */
static bool read_echo(const uint8_t *data, size_t n, struct service_reading *out)
{
	(void)data;
	say(out, "%zu byte%s came back", n, n == 1 ? "" : "s");
	return true;
}

static const struct reader readers[] = {
        {.service = "memcache", .ports = {11211}, .one_answer = true, .read = read_memcached},
        {.service = "tftp", .ports = {69}, .read = read_tftp},
        {.service = "time", .ports = {37}, .only_there = true, .read = read_time_protocol},
        {.service = "daytime", .ports = {13}, .only_there = true, .read = read_daytime},
        {.service = "qotd", .ports = {17}, .only_there = true, .read = read_line},
        {.service = "chargen", .ports = {19}, .only_there = true, .read = read_chargen},
        {.service = "echo", .ports = {7}, .only_there = true, .read = read_echo},
};

READER_FAMILY(readers_small, readers);
