/* read_time.c: NTP (RFC 5905), its control messages (RFC 9327), and the control protocol of chrony. */
#include <stdio.h>

#include "read.h"

enum {
	NTP_BYTES = 48,
	MODE_SERVER = 4,
	MODE_CONTROL = 6,
	CONTROL_RESPONSE = 0x80,
	CONTROL_ERROR = 0x40,
	CONTROL_MAC_BYTES = 24
};
/* RFC 5905 6: between the epochs of NTP (1900) and of Unix (1970). */
#define NTP_TO_UNIX INT64_C(2208988800)

/* Reference ids that are addresses print as one (IPv6: a hash that looks like one); those of stratum 0 and 1 are four letters. */
static void reference_text(char out[24], uint8_t stratum, uint32_t id)
{
	uint8_t bytes[4];

	put_u32(bytes, id);
	if (stratum <= 1)
		clean_text(out, 24, bytes, 4);
	else
		snprintf(out, 24, "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
}

/* RFC 5905 7.3. */
static bool read_ntp(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint8_t first = cursor_u8(&c), stratum = cursor_u8(&c);
	unsigned version = first >> 3 & 7, leap = first >> 6;
	uint32_t id, transmitted;
	char reference[24], time[32];

	cursor_u16(&c);     /* poll, precision */
	cursor_take(&c, 8); /* root delay and dispersion */
	id = cursor_u32(&c);
	cursor_take(&c, 24); /* reference, originate and receive times */
	transmitted = cursor_u32(&c);
	if (n < NTP_BYTES || n % 4 != 0 || (first & 7) != MODE_SERVER || version < 1 || version > 4 || stratum > 16)
		return false;
	reference_text(reference, stratum, id);
	detail(out, "stratum", "%u", stratum);
	detail(out, "reference", "%s", reference);
	detail(out, "ntp-version", "%u", version);
	if (stratum == 0) {
		say(out, "refuses to serve: kiss code %s", reference);
		return true;
	}
	if (leap == 3 || stratum == 16)
		say(out, "NTPv%u, not synchronised", version);
	else
		say(out, "NTPv%u, stratum %u, reference %s", version, stratum, reference);
	if (leap == 3)
		detail(out, "leap", "not synchronised");
	if (transmitted != 0) {
		/* Era 0 until 2036, then era 1: whatever is before 1968 as era 0 is meant so. */
		int64_t seconds =
		        (int64_t)transmitted - NTP_TO_UNIX + (transmitted < 0x80000000u ? INT64_C(1) << 32 : 0);

		detail(out, "time", "%s", utc_text(seconds, time));
	}
	return true;
}

/* The value of name="value" or name=value in the text of a control message. */
static void control_variable(struct service_reading *out, const uint8_t *text, size_t n, const char *name,
                             const char *key)
{
	const uint8_t *at = find_bytes(text, n, name);
	size_t length = 0, left;

	if (!at || (at != text && at[-1] != ' ' && at[-1] != ',' && at[-1] != '\n'))
		return;
	at += strlen(name);
	left = n - (size_t)(at - text);
	if (left > 0 && *at == '"') {
		at++;
		left--;
		while (length < left && at[length] != '"')
			length++;
	} else {
		while (length < left && at[length] != ',' && at[length] != '\r')
			length++;
	}
	detail_bytes(out, key, at, length);
}

/* RFC 9327 2: the system's variables: which daemon, on which machine. */
static bool read_ntp_control(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint8_t first = cursor_u8(&c), operation = cursor_u8(&c);
	uint16_t bytes;
	const uint8_t *text;
	const char *version;

	cursor_take(&c, 8); /* sequence, status, association, offset */
	bytes = cursor_u16(&c);
	/* Operations run from 1 to 12; 31 is the first of those that ntpd has made its own. */
	if (!c.ok || (first & 0xc7) != MODE_CONTROL || !(operation & CONTROL_RESPONSE) || bytes > 468 ||
	    ((operation & 0x1f) > 12 && (operation & 0x1f) != 31) || (bytes == 0 && !(operation & CONTROL_ERROR)) ||
	    cursor_left(&c) < bytes || cursor_left(&c) > bytes + 3u + CONTROL_MAC_BYTES)
		return false;
	text = c.at;
	if (bytes > 0 && !is_text(text, bytes))
		return false;
	control_variable(out, text, bytes, "version=", "version");
	control_variable(out, text, bytes, "system=", "system");
	control_variable(out, text, bytes, "processor=", "processor");
	control_variable(out, text, bytes, "refid=", "reference");
	control_variable(out, text, bytes, "stratum=", "stratum");
	version = service_detail(out, "version");
	if (version) {
		product_of(out, version);
		say(out, "%s", version);
	}
	if (service_detail(out, "system"))
		say(out, "%s", service_detail(out, "system"));
	if (!version)
		say(out, "answers control messages");
	return true;
}

enum { CHRONY_REPLY = 2, CHRONY_REPLY_BYTES = 28, CHRONY_N_SOURCES = 2, CHRONY_TRACKING = 5 };

/* candm.h of chrony 4: version, type, two reserved, command, reply, status, padding, sequence, more padding. */
static bool read_chrony(const uint8_t *data, size_t n, struct service_reading *out)
{
	static const struct named_number statuses[] = {
	        {0, "success"},
	        {1, "failed"},
	        {2, "unauthorised"},
	        {3, "invalid"},
	        {4, "no such source"},
	        {7, "not enabled"},
	        {18, "bad packet version"},
	        {19, "bad packet length"},
	        {0, NULL},
	};
	struct cursor c = cursor_of(data, n);
	uint8_t version = cursor_u8(&c), type = cursor_u8(&c);
	uint16_t reserved = cursor_u16(&c), reply, status;

	cursor_u16(&c); /* command */
	reply = cursor_u16(&c);
	status = cursor_u16(&c);
	if (n < CHRONY_REPLY_BYTES || type != CHRONY_REPLY || version < 1 || version > 16 || reserved != 0 ||
	    status > 40)
		return false;
	cursor_take(&c, 18); /* padding, sequence, padding */
	detail(out, "control-version", "%u", version);
	snprintf(out->product, sizeof(out->product), "chrony");
	say(out, "chronyd, control protocol %u", version);
	if (name_of(statuses, status))
		detail(out, "status", "%s", name_of(statuses, status));
	if (status != 0) {
		say(out, "%s", name_of(statuses, status) ? name_of(statuses, status) : "refused");
	} else if (reply == CHRONY_N_SOURCES && cursor_left(&c) >= 4) {
		uint32_t sources = cursor_u32(&c);

		detail(out, "sources", "%u", sources);
		say(out, "%u time source%s", sources, sources == 1 ? "" : "s");
	} else if (reply == CHRONY_TRACKING && cursor_left(&c) >= 26) {
		uint32_t id = cursor_u32(&c);
		char reference[24];

		cursor_take(&c, 20); /* the source's address */
		reference_text(reference, 2, id);
		detail(out, "reference", "%s", reference);
		detail(out, "stratum", "%u", cursor_u16(&c));
		say(out, "stratum %s, reference %s", service_detail(out, "stratum"), reference);
	}
	return true;
}

static const struct reader readers[] = {
        {.service = "chrony", .ports = {323}, .one_answer = true, .read = read_chrony},
        {.service = "ntp", .ports = {123}, .one_answer = true, .read = read_ntp},
        {.service = "ntp", .ports = {123}, .read = read_ntp_control},
};

READER_FAMILY(readers_time, readers);
