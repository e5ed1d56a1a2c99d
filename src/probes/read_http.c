/* read_http.c: answers with headers in HTTP's form: SSDP (UPnP Device Architecture), SIP (RFC 3261), and WS-Discovery's XML. */
#include <stdio.h>

#include "read.h"

/* A header's value as a detail, and as text. False: there is none. */
static bool take_header(struct service_reading *out, const uint8_t *data, size_t n, const char *name, const char *key)
{
	size_t length;
	const uint8_t *value = header_value(data, n, name, &length);

	if (value)
		detail_bytes(out, key, value, length);
	return service_detail(out, key) != NULL;
}

/* UPnP Device Architecture 1.1, 1.3.3; the server names its system, UPnP, and itself last: "Linux/5.4 UPnP/1.0 MiniUPnPd/2.1". */
static bool read_ssdp(const uint8_t *data, size_t n, struct service_reading *out)
{
	size_t length;
	const char *server, *last;

	if (!has_prefix(data, n, "HTTP/1.") || !header_value(data, n, "ST", &length))
		return false;
	if (take_header(out, data, n, "SERVER", "server")) {
		server = service_detail(out, "server");
		last = strrchr(server, ' ');
		product_of(out, last && strchr(last, '/') ? last + 1 : server);
		say(out, "%.80s", server);
	}
	take_header(out, data, n, "ST", "target");
	take_header(out, data, n, "USN", "usn");
	if (take_header(out, data, n, "LOCATION", "location"))
		say(out, "%s", service_detail(out, "location"));
	return true;
}

/* RFC 3261 7.2: "SIP/2.0 200 OK". */
static bool read_sip(const uint8_t *data, size_t n, struct service_reading *out)
{
	const uint8_t *end = n > 0 ? memchr(data, '\n', n) : NULL;
	size_t line = end ? (size_t)(end - data) : n;
	char status[64];

	if (!has_prefix(data, n, "SIP/2.0 ") || line < 12)
		return false;
	clean_text(status, sizeof(status), data + 8, line - 8);
	detail(out, "status", "%s", status);
	if (take_header(out, data, n, "Server", "server") || take_header(out, data, n, "User-Agent", "server")) {
		product_of(out, service_detail(out, "server"));
		say(out, "%.80s", service_detail(out, "server"));
	}
	say(out, "%s", status);
	take_header(out, data, n, "Allow", "methods");
	take_header(out, data, n, "Supported", "supported");
	return true;
}

/* RFC 3435 3.3: "200 1 OK": a code, the transaction's number, a comment. */
static bool read_mgcp(const uint8_t *data, size_t n, struct service_reading *out)
{
	const uint8_t *end = n > 0 ? memchr(data, '\n', n) : NULL;
	char status[64];

	for (size_t i = 0; i < 3; i++) {
		if (n < 5 || data[i] < '0' || data[i] > '9')
			return false;
	}
	if (data[3] != ' ' || data[4] < '0' || data[4] > '9' || !is_text(data, n))
		return false;
	clean_text(status, sizeof(status), data, end ? (size_t)(end - data) : n);
	detail(out, "status", "%s", status);
	say(out, "%s", status);
	return true;
}

/* The text of the first element whose name ends so, whatever its prefix. */
static void element(struct service_reading *out, const uint8_t *data, size_t n, const char *name, const char *key)
{
	const uint8_t *start = find_bytes(data, n, name), *end;

	if (!start)
		return;
	start += strlen(name);
	end = memchr(start, '<', n - (size_t)(start - data));
	if (end)
		detail_bytes(out, key, start, (size_t)(end - start));
}

/* WS-Discovery 1.1, 5.3: who matches the probe, of what types, and where. */
static bool read_wsd(const uint8_t *data, size_t n, struct service_reading *out)
{
	if (!find_bytes(data, n, "ProbeMatches") || !find_bytes(data, n, "Envelope"))
		return false;
	element(out, data, n, "Types>", "types");
	element(out, data, n, "XAddrs>", "location");
	element(out, data, n, "Scopes>", "scopes");
	if (service_detail(out, "types"))
		say(out, "%.60s", service_detail(out, "types"));
	if (service_detail(out, "location"))
		say(out, "%.90s", service_detail(out, "location"));
	return true;
}

static const struct reader readers[] = {
        {.service = "ssdp", .ports = {1900}, .read = read_ssdp},
        {.service = "sip", .ports = {5060}, .read = read_sip},
        {.service = "ws-discovery", .ports = {3702}, .read = read_wsd},
        {.service = "mgcp-gateway", .ports = {2427, 2727}, .only_there = true, .read = read_mgcp},
};

READER_FAMILY(readers_http, readers);
