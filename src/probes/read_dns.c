/* read_dns.c: DNS answers (RFC 1035), and those of the protocols of the same form: mDNS (RFC 6762) and LLMNR (RFC 4795). */
#include <stdio.h>

#include "read.h"

enum { HEADER_BYTES = 12, NAME_BYTES = 128, MOST_RECORDS = 24, MOST_JUMPS = 16 };
enum { IS_RESPONSE = 0x8000, OPCODE = 0x7800, RECURSION_AVAILABLE = 0x0080, RESERVED = 0x0040, RCODE = 0x000f };
enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_PTR = 12,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_NBSTAT = 33,
	CLASS_CHAOS = 3
};

/* IANA, DNS RCODEs */
static const struct named_number rcodes[] = {
        {0, "NOERROR"},  {1, "FORMERR"}, {2, "SERVFAIL"}, {3, "NXDOMAIN"}, {4, "NOTIMP"},   {5, "REFUSED"},
        {6, "YXDOMAIN"}, {7, "YXRRSET"}, {8, "NXRRSET"},  {9, "NOTAUTH"},  {10, "NOTZONE"}, {0, NULL},
};

/* How servers name themselves in version.bind (RFC 4892): a bare number is BIND's way. */
static void name_server(struct service_reading *out, const char *text)
{
	if (text[0] >= '0' && text[0] <= '9') {
		snprintf(out->product, sizeof(out->product), "ISC BIND");
		clean_text(out->version, sizeof(out->version), (const uint8_t *)text, strcspn(text, " "));
		return;
	}
	product_of(out, text);
}

/* A name, perhaps compressed (RFC 1035 4.1.4), as text without the last dot. Jumps only go back, and are counted. */
static bool read_name(struct cursor *c, const uint8_t *message, size_t n, char out[NAME_BYTES])
{
	struct cursor at = *c;
	size_t length = 0;
	bool jumped = false;

	out[0] = '\0';
	for (int jumps = 0; jumps < MOST_JUMPS;) {
		uint8_t label = cursor_u8(&at);
		const uint8_t *bytes;

		if (!at.ok || (label & 0xc0) == 0x40 || (label & 0xc0) == 0x80)
			break;
		if (label >= 0xc0) {
			size_t target = (size_t)(label & 0x3f) << 8 | cursor_u8(&at);

			if (!at.ok || target >= n || message + target >= at.at - 2)
				break;
			if (!jumped)
				*c = at;
			jumped = true;
			jumps++;
			at = cursor_of(message + target, n - target);
			continue;
		}
		if (label == 0) {
			if (!jumped)
				*c = at;
			return true;
		}
		bytes = cursor_take(&at, label);
		if (!bytes)
			break;
		if (length + label + 2 < NAME_BYTES)
			length += (size_t)snprintf(out + length, NAME_BYTES - length, "%s%.*s", length ? "." : "",
			                           (int)label, (const char *)bytes);
		if (length >= NAME_BYTES)
			length = NAME_BYTES - 1;
	}
	c->ok = false;
	return false;
}

/* What the records of an answer say, as text: "127.0.0.1", "\"9.18.1\"", "_ssh._tcp.local". */
struct records {
	char text[200];
	size_t length;
	unsigned count;
};

static void add_record(struct records *records, const char *text)
{
	records->count++;
	if (strlen(text) + records->length + 3 >= sizeof(records->text))
		return;
	records->length += (size_t)snprintf(records->text + records->length, sizeof(records->text) - records->length,
	                                    "%s%s", records->length ? " " : "", text);
}

static void read_record_data(struct records *records, uint16_t type, struct cursor data, const uint8_t *message,
                             size_t n)
{
	char text[NAME_BYTES];
	const uint8_t *bytes = data.at;
	size_t length = cursor_left(&data);
	struct addr addr = {0};

	if (type == TYPE_A && length == 4) {
		addr = addr_from_v4((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
		                    bytes[3]);
		add_record(records, addr_format(&addr, text));
	} else if (type == TYPE_TXT && length > 0) {
		uint8_t first = cursor_u8(&data);

		clean_text(text, sizeof(text), data.at, first < cursor_left(&data) ? first : cursor_left(&data));
		add_record(records, text);
	} else if ((type == TYPE_PTR || type == TYPE_CNAME || type == TYPE_NS) && length > 0) {
		/* The name may be compressed: it is read in the message, which ends no later than the record here. */
		struct cursor name = {bytes, message + n, true};

		if (read_name(&name, message, n, text))
			add_record(records, text);
	} else {
		snprintf(text, sizeof(text), "type %u (%zu bytes)", type, length);
		add_record(records, text);
	}
}

/* The question; false when the bytes are none. */
static bool read_question(struct cursor *c, const uint8_t *data, size_t n, char name[NAME_BYTES], uint16_t *type,
                          uint16_t *class)
{
	if (!read_name(c, data, n, name))
		return false;
	*type = cursor_u16(c);
	*class = cursor_u16(c);
	return c->ok;
}

/* Answer records as far as they were captured. False when they are not well-formed. */
static bool read_answers(struct cursor *c, const uint8_t *data, size_t n, uint16_t count, struct records *records)
{
	char name[NAME_BYTES];

	for (uint16_t i = 0; i < count && i < MOST_RECORDS && cursor_left(c) > 0; i++) {
		uint16_t type, bytes;
		struct cursor content;

		if (!read_name(c, data, n, name))
			return false;
		type = cursor_u16(c);
		cursor_u16(c); /* class */
		cursor_u32(c); /* time to live */
		bytes = cursor_u16(c);
		content = *c;
		if (!cursor_take(c, bytes) || type == TYPE_NBSTAT)
			return false;
		content.end = c->at;
		read_record_data(records, type, content, data, n);
	}
	return true;
}

static bool ends_with(const char *text, const char *end)
{
	return strlen(text) >= strlen(end) && strcasecmp(text + strlen(text) - strlen(end), end) == 0;
}

/* mDNS: services by name, without what they all end with. */
static void describe_mdns(struct service_reading *out, const struct records *records)
{
	char names[sizeof(records->text)];
	size_t length = 0;

	out->service = "mdns";
	out->one_answer = false; /* every responder of a shared name answers */
	for (const char *at = records->text; *at; at += strspn(at, " ")) {
		size_t word = strcspn(at, " "), kept = word;

		if (kept > 6 && strncasecmp(at + kept - 6, ".local", 6) == 0)
			kept -= 6;
		if (length + kept + 3 < sizeof(names))
			length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%.*s", length ? " " : "",
			                           (int)kept, at);
		at += word;
	}
	if (length == 0) {
		say(out, "no services told");
		return;
	}
	detail(out, "services", "%s", names);
	say(out, "%s", names);
}

static void describe_dns(struct service_reading *out, const char *name, uint16_t class, uint16_t flags,
                         const struct records *records)
{
	const char *rcode = name_of(rcodes, flags & RCODE);
	char number[24];

	if (!rcode) {
		snprintf(number, sizeof(number), "rcode %d", flags & RCODE);
		rcode = number;
	}
	if (class == CLASS_CHAOS) {
		if (records->count > 0 && strcasecmp(name, "version.bind") == 0)
			name_server(out, records->text);
		detail(out, name[0] ? "version-bind" : "rcode", "%s", records->count > 0 ? records->text : rcode);
	} else {
		detail(out, "rcode", "%s", rcode);
		if (records->count > 0)
			detail(out, "answer", "%s", records->text);
	}
	if (records->count > 0 && class == CLASS_CHAOS)
		say(out, "%s%s", records->text[0] >= '0' && records->text[0] <= '9' ? "BIND " : "", records->text);
	else if (records->count > 0)
		say(out, "answers %s", records->text);
	else if (class == CLASS_CHAOS)
		say(out, "version not told (%s)", rcode);
	else
		say(out, "answers %s", rcode);
	/* For a question about the server itself (class CHAOS) some servers leave the bit out that they else set. */
	if (class != CLASS_CHAOS || flags & RECURSION_AVAILABLE) {
		detail(out, "recursion", "%s", flags & RECURSION_AVAILABLE ? "offered" : "not-offered");
		say(out, "%s", flags & RECURSION_AVAILABLE ? "recursion offered" : "no recursion");
	}
}

static bool read_dns(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint16_t flags, questions, answers, type = 0, class = 0;
	struct records records = {0};
	char name[NAME_BYTES] = "";

	cursor_u16(&c); /* id */
	flags = cursor_u16(&c);
	questions = cursor_u16(&c);
	answers = cursor_u16(&c);
	cursor_u32(&c); /* authority, additional */
	if (!c.ok || !(flags & IS_RESPONSE) || flags & (RESERVED | OPCODE) || questions > 1 || answers > 512)
		return false;
	/* Without question and answer it is only an error, and that is very little to recognise a protocol by. */
	if (questions == 0 && answers == 0 && ((flags & RCODE) == 0 || (flags & RCODE) > 5 || n != HEADER_BYTES))
		return false;
	if (questions == 1 && (!read_question(&c, data, n, name, &type, &class) || type == TYPE_NBSTAT || type == 0))
		return false;
	if (!read_answers(&c, data, n, answers, &records) || (answers > 0 && records.count == 0))
		return false;
	if (ends_with(name, "_dns-sd._udp.local") ||
	    (questions == 0 && records.count > 0 && ends_with(records.text, ".local")))
		describe_mdns(out, &records);
	else
		describe_dns(out, name, class, flags, &records);
	return true;
}

/* RFC 4795 2.1.1: the same form; "conflict" stands where DNS has "authoritative", and nobody recurses. */
static bool read_llmnr(const uint8_t *data, size_t n, struct service_reading *out)
{
	if (!read_dns(data, n, out))
		return false;
	out->service = "llmnr";
	out->info[0] = '\0';
	say(out, "%s", service_detail(out, "answer") ? service_detail(out, "answer") : "answers");
	return true;
}

static const struct reader readers[] = {
        {.service = "domain", .ports = {53, 5353}, .one_answer = true, .read = read_dns},
        {.service = "llmnr", .ports = {5355}, .one_answer = true, .read = read_llmnr},
};

READER_FAMILY(readers_dns, readers);
