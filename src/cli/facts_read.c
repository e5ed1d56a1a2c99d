/* facts_read.c: the beginning of a record, read back. It came from outside: nothing in it is trusted. */
#include <stdlib.h>
#include <string.h>

#include "facts_internal.h"
#include "nscan/capture_file.h"

enum { ARGS_MAX = 100000, INTERFACES_MAX = 65536 };

static bool odd(struct err *err, const char *what)
{
	return err_set(err, ERR_SYSTEM, "the record's %s cannot be; it was altered or cut", what);
}

static bool no_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "out of memory while reading the record");
}

/* The bytes of a string in which each character stands for one; terminated, allocated. */
static char *json_as_bytes(const json_t *json, size_t *n)
{
	const char *text = json_string_value(json);
	size_t length = json_string_length(json);
	char *bytes = text ? malloc(length + 1) : NULL;

	*n = 0;
	for (size_t i = 0; bytes && i < length; i++) {
		uint8_t c = (uint8_t)text[i];

		if (c >= 0x80 && i + 1 < length)
			c = (uint8_t)(c << 6 | ((uint8_t)text[++i] & 0x3f));
		bytes[(*n)++] = (char)c;
	}
	if (bytes)
		bytes[*n] = '\0';
	return bytes;
}

static bool read_hex(const json_t *json, uint8_t *out, size_t n)
{
	const char *text = json_string_value(json);

	if (!text || strlen(text) != 2 * n || strspn(text, "0123456789abcdef") != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char pair[] = {text[2 * i], text[2 * i + 1], '\0'};

		out[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

static bool read_args(struct facts *facts, struct err *err)
{
	const json_t *args = json_object_get(facts->root, "args");
	size_t count = json_array_size(args), n;

	if (count == 0 || count > ARGS_MAX)
		return odd(err, "command line");
	facts->args = calloc(count + 1, sizeof(*facts->args));
	if (!facts->args)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		facts->args[i] = json_as_bytes(json_array_get(args, i), &n);
		if (!facts->args[i])
			return odd(err, "command line");
		facts->run.argc++;
	}
	facts->run.argv = facts->args;
	return true;
}

/* The arguments to parse: those that named a file are given as what was in it. */
static bool read_meanings(struct facts *facts, struct err *err)
{
	const json_t *meant = json_object_get(facts->root, "meant");

	facts->parsed = calloc((size_t)facts->run.argc + 1, sizeof(*facts->parsed));
	if (!facts->parsed)
		return no_memory(err);
	for (int i = 0; i < facts->run.argc; i++) {
		char number[16];
		const char *text;

		snprintf(number, sizeof(number), "%d", i);
		text = json_string_value(json_object_get(meant, number));
		facts->parsed[i] = text ? (char *)(uintptr_t)text : facts->args[i];
	}
	return true;
}

char *const *facts_parsed_args(const struct facts *facts)
{
	return facts->parsed;
}

static bool read_ports(struct facts *facts, struct err *err)
{
	const json_t *ports = json_object_get(facts->root, "source_ports");
	size_t count = json_array_size(ports);

	if (count == 0 || count > UINT16_MAX)
		return odd(err, "list of source ports");
	facts->ports = calloc(count, sizeof(*facts->ports));
	if (!facts->ports)
		return no_memory(err);
	for (size_t i = 0; i < count; i++)
		facts->ports[i] = (uint16_t)json_integer_value(json_array_get(ports, i));
	facts->run.source_ports = facts->ports;
	facts->run.source_port_count = count;
	return true;
}

static bool is_time(int64_t ns)
{
	return ns >= 0 && ns <= CAPTURE_MOST_NS;
}

struct facts *facts_parse(const char *text, size_t n, struct err *err)
{
	struct facts *facts = calloc(1, sizeof(*facts));
	json_error_t why;

	if (!facts) {
		no_memory(err);
		return NULL;
	}
	facts->root = json_loadb(text, n, JSON_ALLOW_NUL, &why);
	if (!json_is_object(facts->root))
		odd(err, "beginning");
	else if (read_args(facts, err) && read_meanings(facts, err) && read_ports(facts, err) &&
	         (read_hex(json_object_get(facts->root, "key"), facts->run.key, HASH_KEY_BYTES) || odd(err, "key"))) {
		facts->run.seed = (uint64_t)json_integer_value(json_object_get(facts->root, "seed"));
		facts->run.start_ns = json_integer_value(json_object_get(facts->root, "start_ns"));
		facts->run.start_wall_ns = json_integer_value(json_object_get(facts->root, "start_wall_ns"));
		if (is_time(facts->run.start_ns) && is_time(facts->run.start_wall_ns))
			return facts;
		odd(err, "start");
	}
	facts_free(facts);
	return NULL;
}

const char *facts_version(const struct facts *facts)
{
	const char *version = json_string_value(json_object_get(facts->root, "version"));

	return version ? version : "";
}

const struct run_facts *facts_run(const struct facts *facts)
{
	return &facts->run;
}

bool facts_name(const struct facts *facts, const char *name, struct addr *out)
{
	const char *text = json_string_value(json_object_get(json_object_get(facts->root, "names"), name));

	return text && addr_parse(text, out);
}

const char *facts_next_file(struct facts *facts, size_t *n)
{
	const json_t *file = json_array_get(json_object_get(facts->root, "files"), facts->next_file);

	if (!file)
		return NULL;
	facts->next_file++;
	free(facts->file);
	facts->file = json_as_bytes(file, n);
	return facts->file;
}

/* An address, or none where `-` stands. */
static bool read_addr(const json_t *json, bool needed, struct addr *out)
{
	const char *text = json_string_value(json);

	*out = (struct addr){0};
	if (text && strcmp(text, "-") == 0)
		return !needed;
	return text && addr_parse(text, out);
}

static bool read_interface(const json_t *json, struct interface *out)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	json_int_t kind = json_integer_value(json_object_get(json, "kind"));

	if (!name || !*name || strlen(name) >= INTERFACE_NAME_BYTES || kind < LINK_ETHERNET || kind > LINK_RAW_IP)
		return false;
	strcpy(out->name, name);
	out->index = (int)json_integer_value(json_object_get(json, "index"));
	out->kind = (enum link_kind)kind;
	out->up = json_is_true(json_object_get(json, "up"));
	out->loopback = json_is_true(json_object_get(json, "loopback"));
	out->no_arp = json_is_true(json_object_get(json, "no_arp"));
	out->mtu_bytes = (uint32_t)json_integer_value(json_object_get(json, "mtu"));
	return read_hex(json_object_get(json, "mac"), out->mac, MAC_BYTES);
}

static bool in_range(json_int_t value, json_int_t low, json_int_t high)
{
	return value >= low && value <= high;
}

static bool read_interface_addr(const json_t *json, size_t interfaces, struct interface_addr *out)
{
	json_int_t interface = json_integer_value(json_array_get(json, 0));
	json_int_t bits = json_integer_value(json_array_get(json, 2));

	if (!read_addr(json_array_get(json, 1), true, &out->addr) ||
	    !in_range(interface, 0, (json_int_t)interfaces - 1) || !in_range(bits, 0, addr_bits(&out->addr)))
		return false;
	out->interface = (int)interface;
	out->prefix_bits = (int)bits;
	return true;
}

static bool read_route(const json_t *json, size_t interfaces, struct route *out)
{
	json_int_t bits = json_integer_value(json_array_get(json, 1));
	json_int_t kind = json_integer_value(json_array_get(json, 2));
	json_int_t interface = json_integer_value(json_array_get(json, 5));

	if (!read_addr(json_array_get(json, 0), true, &out->prefix) ||
	    !read_addr(json_array_get(json, 3), false, &out->gateway) ||
	    !read_addr(json_array_get(json, 4), false, &out->source) || !in_range(bits, 0, addr_bits(&out->prefix)) ||
	    !in_range(kind, ROUTE_UNICAST, ROUTE_UNREACHABLE) ||
	    !in_range(interface, kind == ROUTE_UNREACHABLE ? -1 : 0, (json_int_t)interfaces - 1))
		return false;
	out->prefix_bits = (int)bits;
	out->kind = (enum route_kind)kind;
	out->interface = (int)interface;
	out->rank = (int)json_integer_value(json_array_get(json, 6));
	out->metric = (uint32_t)json_integer_value(json_array_get(json, 7));
	return true;
}

bool facts_network(const struct facts *facts, struct network *out, struct err *err)
{
	const json_t *interfaces = json_object_get(facts->root, "interfaces");
	const json_t *addrs = json_object_get(facts->root, "addrs");
	const json_t *routes = json_object_get(facts->root, "routes");
	size_t count = json_array_size(interfaces);

	if (count == 0 || count > INTERFACES_MAX)
		return odd(err, "list of interfaces");
	out->interfaces = calloc(count, sizeof(*out->interfaces));
	out->addrs = calloc(json_array_size(addrs) + 1, sizeof(*out->addrs));
	out->routes = calloc(json_array_size(routes) + 1, sizeof(*out->routes));
	if (!out->interfaces || !out->addrs || !out->routes)
		return no_memory(err);
	for (; out->interface_count < count; out->interface_count++) {
		if (!read_interface(json_array_get(interfaces, out->interface_count),
		                    &out->interfaces[out->interface_count]))
			return odd(err, "list of interfaces");
	}
	for (; out->addr_count < json_array_size(addrs); out->addr_count++) {
		if (!read_interface_addr(json_array_get(addrs, out->addr_count), count, &out->addrs[out->addr_count]))
			return odd(err, "list of addresses");
	}
	for (; out->route_count < json_array_size(routes); out->route_count++) {
		if (!read_route(json_array_get(routes, out->route_count), count, &out->routes[out->route_count]))
			return odd(err, "list of routes");
	}
	out->skipped_routes = (size_t)json_integer_value(json_object_get(facts->root, "skipped_routes"));
	return true;
}
