/* read.c: which reader takes an answer, and how readings are merged. What the readers share is in read_tools.c. */
#include <stdio.h>

#include "read.h"

static const struct reader_family *const families[] = {
        &readers_dns,    &readers_netbios,   &readers_snmp,     &readers_time,      &readers_ike,
        &readers_stun,   &readers_rpc,       &readers_http,     &readers_games,     &readers_tls,
        &readers_tunnel, &readers_directory, &readers_industry, &readers_discovery, &readers_small,
};

enum { FAMILY_COUNT = sizeof(families) / sizeof(families[0]) };

static bool is_at_home(const struct reader *reader, uint16_t port)
{
	for (size_t i = 0; i < READER_MAX_PORTS && reader->ports[i]; i++) {
		if (reader->ports[i] == port)
			return true;
	}
	return false;
}

static bool try_reader(const struct reader *reader, const uint8_t *data, size_t n, struct service_reading *out)
{
	memset(out, 0, sizeof(*out));
	out->service = reader->service;
	out->one_answer = reader->one_answer;
	if (!reader->read(data, n, out))
		return false;
	if (!out->info[0])
		say(out, "%s", out->product[0] ? out->product : "answers");
	return true;
}

/* The readers that are at home on the port, or all others. */
static bool try_readers(uint16_t port, bool at_home, const uint8_t *data, size_t n, struct service_reading *out)
{
	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		for (size_t k = 0; k < families[i]->count; k++) {
			const struct reader *reader = &families[i]->readers[k];

			if (is_at_home(reader, port) != at_home || (reader->only_there && !at_home))
				continue;
			if (try_reader(reader, data, n, out))
				return true;
		}
	}
	return false;
}

/* Nobody's protocol: how long it is and how it begins. */
static void describe_unknown(const uint8_t *data, size_t n, size_t wire_bytes, struct service_reading *out)
{
	char text[64];

	memset(out, 0, sizeof(*out));
	if (n == 0) {
		say(out, "an empty datagram");
	} else if (n >= 4 && is_text(data, n)) {
		clean_text(text, sizeof(text), data, n);
		say(out, "%zu bytes: %s", wire_bytes, text);
	} else {
		hex_text(text, sizeof(text), data, n < 16 ? n : 16, " ");
		say(out, "%zu byte%s: %s%s", wire_bytes, wire_bytes == 1 ? "" : "s", text,
		    wire_bytes > 16 ? " ..." : "");
	}
}

bool service_read(uint16_t port, const uint8_t *data, size_t n, size_t wire_bytes, struct service_reading *out)
{
	char captured[64];
	bool known;

	if (!data)
		n = 0;
	known = try_readers(port, true, data, n, out) || try_readers(port, false, data, n, out);
	if (!known)
		describe_unknown(data, n, wire_bytes > n ? wire_bytes : n, out);
	if (wire_bytes > n) {
		snprintf(captured, sizeof(captured), "%zu of %zu bytes", n, wire_bytes);
		service_add_detail(out, "captured", captured);
	}
	return known;
}

const char *service_detail(const struct service_reading *reading, const char *key)
{
	for (size_t i = 0; i < reading->detail_count; i++) {
		if (strcmp(reading->details[i].key, key) == 0)
			return reading->text + reading->details[i].at;
	}
	return NULL;
}

bool service_add_detail(struct service_reading *reading, const char *key, const char *value)
{
	size_t length = strlen(value);

	if (service_detail(reading, key))
		return true;
	if (reading->detail_count == SERVICE_MAX_DETAILS ||
	    length >= (size_t)(SERVICE_TEXT_BYTES - reading->text_bytes))
		return false;
	reading->details[reading->detail_count++] = (struct service_detail){key, reading->text_bytes};
	memcpy(reading->text + reading->text_bytes, value, length + 1);
	reading->text_bytes = (uint16_t)(reading->text_bytes + length + 1);
	return true;
}

bool service_detail_varies(const char *key)
{
	static const char *const varying[] = {"uptime", "time", "clock", "engine-time",
	                                      "token",  "load", "users", "players"};

	for (size_t i = 0; i < sizeof(varying) / sizeof(varying[0]); i++) {
		if (strcmp(varying[i], key) == 0)
			return true;
	}
	return false;
}

/* Whether that part of the line only says a detail that varies: "up 18 s", "players 3". */
static bool part_varies(const struct service_reading *reading, const char *part)
{
	size_t n = strlen(part);

	for (size_t i = 0; i < reading->detail_count; i++) {
		const char *value = reading->text + reading->details[i].at;
		size_t m = strlen(value);

		if (m == 0 || m > n || !service_detail_varies(reading->details[i].key))
			continue;
		if ((memcmp(part + n - m, value, m) == 0 && (n == m || part[n - m - 1] == ' ')) ||
		    (memcmp(part, value, m) == 0 && part[m] == ' '))
			return true;
	}
	return false;
}

const char *service_lasting_info(const struct service_reading *reading, char out[SERVICE_INFO_BYTES])
{
	const char *line = reading->info;
	size_t used = 0;

	out[0] = '\0';
	while (*line) {
		const char *end = strstr(line, ", ");
		char part[SERVICE_INFO_BYTES];

		snprintf(part, sizeof(part), "%.*s", (int)(end ? (size_t)(end - line) : strlen(line)), line);
		if (!part_varies(reading, part) && used + strlen(part) + 2 < SERVICE_INFO_BYTES)
			used += (size_t)snprintf(out + used, SERVICE_INFO_BYTES - used, "%s%s", used ? ", " : "", part);
		line = end ? end + 2 : line + strlen(line);
	}
	return out;
}

/* Details that are not there yet. True when one of them is more than a clock. */
static bool merge_details(struct service_reading *into, const struct service_reading *more)
{
	bool news = false;

	for (size_t i = 0; i < more->detail_count; i++) {
		const char *key = more->details[i].key;

		if (!service_detail(into, key))
			news |= service_add_detail(into, key, more->text + more->details[i].at) &&
			        !service_detail_varies(key);
	}
	return news;
}

/* Of the parts of that line those that are not said yet. */
static void say_missing(struct service_reading *into, const char *line)
{
	while (*line) {
		const char *end = strstr(line, ", ");
		char part[SERVICE_INFO_BYTES];

		snprintf(part, sizeof(part), "%.*s", (int)(end ? (size_t)(end - line) : strlen(line)), line);
		if (!strstr(into->info, part))
			say(into, "%s", part);
		line = end ? end + 2 : line + strlen(line);
	}
}

bool service_merge(struct service_reading *into, const struct service_reading *more)
{
	bool names = (more->product[0] && !into->product[0]) || (more->names_itself && !into->names_itself);
	bool news;

	if (!into->service || !into->info[0]) {
		if (!more->service && into->info[0])
			return false;
		*into = *more;
		return true;
	}
	if (!more->service || strcmp(into->service, more->service) != 0)
		return false;
	news = merge_details(into, more) || names;
	if (more->product[0] && !into->product[0]) {
		memcpy(into->product, more->product, sizeof(into->product));
		memcpy(into->version, more->version, sizeof(into->version));
	}
	if (more->has_mapped && !into->has_mapped) {
		into->has_mapped = true;
		into->mapped = more->mapped;
		into->mapped_port = more->mapped_port;
	}
	into->names_itself |= more->names_itself;
	if (news) {
		char earlier[SERVICE_INFO_BYTES];

		/* What names it comes first. */
		memcpy(earlier, into->info, sizeof(earlier));
		if (names)
			memcpy(into->info, more->info, sizeof(into->info));
		say_missing(into, names ? earlier : more->info);
	}
	return news;
}
