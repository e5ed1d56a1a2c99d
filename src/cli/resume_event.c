/* resume_event.c: a JSON line of an earlier run becomes the event it was written from. */
#include <stdlib.h>
#include <string.h>

#include "resume_internal.h"

/* Different reasons and codes: nscan has some dozens. */
enum { WORDS_MOST = 1000 };

/* The words that nscan writes; what else stands in a file is none of them, and the reports print such words as they are. */
static bool is_word(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_.+/:()")] == '\0';
}

/* The same text, kept as long as the resume: events point to static text elsewhere. NULL when there is none. */
static const char *keep_word(struct resume *resume, const char *text)
{
	char **grown;

	if (!text || !is_word(text))
		return NULL;
	for (size_t i = 0; i < resume->word_count; i++) {
		if (strcmp(resume->words[i], text) == 0)
			return resume->words[i];
	}
	if (resume->word_count == WORDS_MOST)
		return NULL;
	grown = realloc(resume->words, (resume->word_count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	resume->words = grown;
	grown[resume->word_count] = strdup(text);
	return grown[resume->word_count] ? grown[resume->word_count++] : NULL;
}

/* A text about one host, kept until the next one is read. */
static const char *keep_text(char **place, const char *text)
{
	free(*place);
	*place = text ? strdup(text) : NULL;
	return *place;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* A whole number between 0 and `most`. */
static bool number_of(const json_t *object, const char *key, int64_t most, int64_t *out)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > most)
		return false;
	*out = json_integer_value(value);
	return true;
}

static void read_rtt(const json_t *object, bool *has, int64_t *rtt_ns)
{
	int64_t us;

	*has = number_of(object, "rtt_us", INT64_MAX / 1000, &us);
	if (*has)
		*rtt_ns = us * 1000;
}

static void read_ttl(const json_t *object, bool *has, uint8_t *ttl)
{
	int64_t value;

	*has = number_of(object, "ttl", UINT8_MAX, &value);
	if (*has)
		*ttl = (uint8_t)value;
}

static void read_from(const json_t *object, struct addr *from)
{
	const char *text = text_of(object, "from");

	if (text)
		addr_parse(text, from);
}

static bool read_host(struct resume *resume, const json_t *object, struct event *out)
{
	static const enum host_state states[] = {HOST_UP, HOST_DOWN, HOST_UNKNOWN};
	struct host_event *host = &out->u.host;
	const char *state = text_of(object, "state");
	const char *mac = text_of(object, "mac");
	int64_t index;

	host->reason = keep_word(resume, text_of(object, "reason"));
	host->name = keep_text(&resume->name, text_of(object, "name"));
	host->vendor = keep_text(&resume->vendor, text_of(object, "vendor"));
	out->index = number_of(object, "index", INT64_MAX, &index) ? (uint64_t)index : RESUME_NO_INDEX;
	read_from(object, &host->from);
	read_rtt(object, &host->has_rtt, &host->rtt_ns);
	read_ttl(object, &host->has_ttl, &host->ttl);
	host->has_mac = mac && sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &host->mac[0], &host->mac[1], &host->mac[2],
	                              &host->mac[3], &host->mac[4], &host->mac[5]) == MAC_BYTES;
	for (size_t i = 0; state && i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(state, host_state_name(states[i])) == 0) {
			host->state = states[i];
			return host->reason != NULL;
		}
	}
	return false;
}

static void read_text(const json_t *object, const char *key, char *out, size_t room)
{
	const char *text = text_of(object, key);

	snprintf(out, room, "%s", text ? text : "");
}

/* What the answers of the port said; it stays valid until the next line is read. */
static void read_reading(struct resume *resume, const json_t *object, struct port_event *port)
{
	struct service_reading *reading = &resume->reading;
	json_t *details = json_object_get(object, "details"), *value;
	const char *method = text_of(object, "method"), *key;

	if (!text_of(object, "info"))
		return;
	memset(reading, 0, sizeof(*reading));
	if (method && strcmp(method, "probed") == 0)
		reading->service = keep_word(resume, text_of(object, "service"));
	read_text(object, "product", reading->product, sizeof(reading->product));
	read_text(object, "version", reading->version, sizeof(reading->version));
	read_text(object, "info", reading->info, sizeof(reading->info));
	json_object_foreach(details, key, value)
	{
		const char *kept = json_is_string(value) ? keep_word(resume, key) : NULL;

		if (kept)
			service_add_detail(reading, kept, json_string_value(value));
	}
	port->reading = reading;
}

static bool read_port(struct resume *resume, const json_t *object, struct event *out)
{
	struct port_event *port = &out->u.port;
	const char *state = text_of(object, "state");
	int64_t number, from_port, probes;

	if (!number_of(object, "port", UINT16_MAX, &number))
		return false;
	port->port = (uint16_t)number;
	port->reason = keep_word(resume, text_of(object, "reason"));
	read_from(object, &port->from);
	if (number_of(object, "from_port", UINT16_MAX, &from_port))
		port->from_port = (uint16_t)from_port;
	read_rtt(object, &port->has_rtt, &port->rtt_ns);
	read_ttl(object, &port->has_ttl, &port->ttl);
	if (number_of(object, "probes", UINT32_MAX, &probes))
		port->probes = (uint32_t)probes;
	read_reading(resume, object, port);
	for (int i = 0; state && i < PORT_STATE_COUNT; i++) {
		if (strcmp(state, port_state_name((enum port_state)i)) == 0) {
			port->state = (enum port_state)i;
			return port->reason != NULL;
		}
	}
	return false;
}

static bool read_limit(struct resume *resume, const json_t *object, struct event *out)
{
	const json_t *rate = json_object_get(object, "icmp_per_s");
	int64_t burst;

	(void)resume;
	if (!json_is_number(rate))
		return false;
	out->u.limit.icmp_per_s = json_number_value(rate);
	if (number_of(object, "burst", UINT32_MAX, &burst))
		out->u.limit.burst = (uint32_t)burst;
	return true;
}

static enum fragments fragments_of(const json_t *object, const char *key)
{
	const char *text = text_of(object, key);

	for (int i = FRAGMENTS_UNKNOWN; text && i <= FRAGMENTS_DROPPED; i++)
		if (strcmp(text, fragments_name((enum fragments)i)) == 0)
			return (enum fragments)i;
	return FRAGMENTS_UNKNOWN;
}

static uint32_t bytes_of(const json_t *object, const char *key)
{
	int64_t bytes;

	return number_of(object, key, UINT32_MAX, &bytes) ? (uint32_t)bytes : 0;
}

static bool read_mtu(struct resume *resume, const json_t *object, struct event *out)
{
	struct mtu_event *mtu = &out->u.mtu;
	const char *how = text_of(object, "how");

	mtu->path_mtu = bytes_of(object, "path_mtu");
	mtu->return_mtu = bytes_of(object, "return_mtu");
	mtu->interface_mtu = bytes_of(object, "interface_mtu");
	mtu->host_mtu = bytes_of(object, "host_mtu");
	mtu->probes = bytes_of(object, "probes");
	for (int i = MTU_BY_INTERFACE; how && i <= MTU_BY_SEARCH; i++)
		if (strcmp(how, mtu_how_name((enum mtu_how)i)) == 0)
			mtu->how = (enum mtu_how)i;
	read_from(object, &mtu->from);
	mtu->verified = json_is_true(json_object_get(object, "verified"));
	mtu->black_hole = json_is_true(json_object_get(object, "black_hole"));
	mtu->to_host = fragments_of(object, "fragments_to_host");
	mtu->from_host = fragments_of(object, "fragments_from_host");
	mtu->reversed = fragments_of(object, "fragments_reversed");
	mtu->tiny_first = fragments_of(object, "fragments_tiny_first");
	mtu->has_reply_df = json_is_boolean(json_object_get(object, "reply_df"));
	mtu->reply_df = json_is_true(json_object_get(object, "reply_df"));
	mtu->method = keep_word(resume, text_of(object, "method"));
	return true;
}

static bool read_note(struct resume *resume, const json_t *object, struct event *out)
{
	const char *text = text_of(object, "text");
	int64_t port;

	if (number_of(object, "port", UINT16_MAX, &port))
		out->u.note.port = (uint16_t)port;
	out->u.note.code = keep_word(resume, text_of(object, "code"));
	snprintf(out->u.note.text, sizeof(out->u.note.text), "%s", text ? text : "");
	return out->u.note.code != NULL;
}

bool resume_event_parse(struct resume *resume, const json_t *object, struct event *out)
{
	static const struct {
		const char *type;
		enum event_kind kind;
		bool (*read)(struct resume *resume, const json_t *object, struct event *out);
	} lines[] = {
	        {"host", EVENT_HOST, read_host},    {"range", EVENT_HOST, read_host}, {"port", EVENT_PORT, read_port},
	        {"limit", EVENT_LIMIT, read_limit}, {"mtu", EVENT_MTU, read_mtu},     {"note", EVENT_NOTE, read_note},
	};
	const char *type = text_of(object, "type");
	const char *addr = text_of(object, type && strcmp(type, "range") == 0 ? "first" : "addr");

	for (size_t i = 0; type && i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (strcmp(type, lines[i].type) != 0)
			continue;
		*out = (struct event){.kind = lines[i].kind};
		return addr && addr_parse(addr, &out->addr) && lines[i].read(resume, object, out);
	}
	return false;
}

bool resume_event_load(struct resume *resume, const struct resume_item *item, struct event *out)
{
	json_t *object;
	ssize_t n;
	bool ok;

	if (fseeko(resume->file, (off_t)item->offset, SEEK_SET) != 0)
		return false;
	n = getline(&resume->line, &resume->line_room, resume->file);
	object = n > 0 ? json_loadb(resume->line, (size_t)n, 0, NULL) : NULL;
	ok = object && resume_event_parse(resume, object, out);
	json_decref(object);
	out->addr = item->addr; /* one of a range has it from its item */
	return ok;
}
