/* facts.c: the beginning of a record: what the run depends on, to JSON. Reading it back is in facts_read.c. */
#include "facts_internal.h"

#include <stdlib.h>
#include <string.h>

struct facts *facts_new(void)
{
	struct facts *facts = calloc(1, sizeof(*facts));

	if (!facts)
		return NULL;
	facts->root = json_pack("{s:{},s:[]}", "names", "files");
	if (facts->root)
		return facts;
	free(facts);
	return NULL;
}

void facts_free(struct facts *facts)
{
	if (!facts)
		return;
	json_decref(facts->root);
	for (int i = 0; i < facts->run.argc; i++)
		free(facts->args[i]);
	free(facts->args);
	free(facts->parsed);
	free(facts->ports);
	free(facts->file);
	free(facts);
}

/* Adds what json_* gave to an object; NULL is no memory. */
static void set(struct facts *facts, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		facts->lost = true;
}

static void append(struct facts *facts, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		facts->lost = true;
}

/* Any bytes as a string: each byte is the character of that number, so that nothing has to be valid UTF-8. */
static json_t *bytes_as_json(const char *bytes, size_t n)
{
	char *text = malloc(2 * n + 1), *to = text;
	json_t *json;

	if (!text)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		uint8_t byte = (uint8_t)bytes[i];

		if (byte >= 0x80)
			*to++ = (char)(0xc0 | byte >> 6);
		*to++ = (char)(byte < 0x80 ? byte : 0x80 | (byte & 0x3f));
	}
	json = json_stringn(text, (size_t)(to - text));
	free(text);
	return json;
}

static json_t *addr_as_json(const struct addr *addr)
{
	char text[ADDR_TEXT_BYTES];

	return json_string(addr_format(addr, text));
}

static json_t *hex_as_json(const uint8_t *bytes, size_t n)
{
	char text[2 * HASH_KEY_BYTES + 1];

	for (size_t i = 0; i < n && i < HASH_KEY_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return json_stringn(text, 2 * n);
}

void facts_add_name(struct facts *facts, const char *name, const struct addr *addr)
{
	/* A name that is not UTF-8 resolves to nothing, and one that does not resolve ends the run. */
	set(facts, json_object_get(facts->root, "names"), name, addr_as_json(addr));
}

void facts_add_file(struct facts *facts, const char *text, size_t n)
{
	append(facts, json_object_get(facts->root, "files"), bytes_as_json(text, n));
}

void facts_set_run(struct facts *facts, const char *version, const struct run_facts *run)
{
	json_t *args = json_array(), *ports = json_array(), *meant = json_object();

	for (int i = 0; i < run->argc; i++) {
		char number[16];

		append(facts, args, bytes_as_json(run->argv[i], strlen(run->argv[i])));
		snprintf(number, sizeof(number), "%d", i);
		if (run->meant && run->meant[i])
			set(facts, meant, number, json_string(run->meant[i]));
	}
	for (size_t i = 0; i < run->source_port_count; i++)
		append(facts, ports, json_integer(run->source_ports[i]));
	set(facts, facts->root, "version", json_string(version));
	set(facts, facts->root, "args", args);
	set(facts, facts->root, "meant", meant);
	set(facts, facts->root, "seed", json_integer((json_int_t)run->seed));
	set(facts, facts->root, "key", hex_as_json(run->key, sizeof(run->key)));
	set(facts, facts->root, "source_ports", ports);
	set(facts, facts->root, "start_ns", json_integer(run->start_ns));
	set(facts, facts->root, "start_wall_ns", json_integer(run->start_wall_ns));
}

static json_t *interface_as_json(const struct interface *interface)
{
	return json_pack("{s:s, s:i, s:i, s:b, s:b, s:b, s:o, s:I}", "name", interface->name, "index", interface->index,
	                 "kind", (int)interface->kind, "up", interface->up, "loopback", interface->loopback, "no_arp",
	                 interface->no_arp, "mac", hex_as_json(interface->mac, MAC_BYTES), "mtu",
	                 (json_int_t)interface->mtu_bytes);
}

static json_t *route_as_json(const struct route *route)
{
	return json_pack("[o, i, i, o, o, i, i, I]", addr_as_json(&route->prefix), route->prefix_bits, (int)route->kind,
	                 addr_as_json(&route->gateway), addr_as_json(&route->source), route->interface, route->rank,
	                 (json_int_t)route->metric);
}

void facts_set_network(struct facts *facts, const struct network *network)
{
	json_t *interfaces = json_array(), *addrs = json_array(), *routes = json_array();

	for (size_t i = 0; i < network->interface_count; i++)
		append(facts, interfaces, interface_as_json(&network->interfaces[i]));
	for (size_t i = 0; i < network->addr_count; i++) {
		const struct interface_addr *a = &network->addrs[i];

		append(facts, addrs, json_pack("[i, o, i]", a->interface, addr_as_json(&a->addr), a->prefix_bits));
	}
	for (size_t i = 0; i < network->route_count; i++)
		append(facts, routes, route_as_json(&network->routes[i]));
	set(facts, facts->root, "interfaces", interfaces);
	set(facts, facts->root, "addrs", addrs);
	set(facts, facts->root, "routes", routes);
	set(facts, facts->root, "skipped_routes", json_integer((json_int_t)network->skipped_routes));
}

char *facts_text(const struct facts *facts, size_t *n)
{
	char *text = facts->lost ? NULL : json_dumps(facts->root, JSON_COMPACT | JSON_SORT_KEYS);

	*n = text ? strlen(text) : 0;
	return text;
}
