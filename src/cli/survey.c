/* survey.c: looks at the routes of the first targets, and takes every interface that has an address when there are many more. */
#include "survey.h"

#include <stdlib.h>
#include <string.h>

#include "nscan/broadcast.h"

/* Route lookups before the first probe; with a full routing table each of them is slow. */
enum { WALK_ADDRESSES = 1024, WALK_ROUTES = 1000000 };

bool survey_check_name(const struct scan *scan, struct err *err)
{
	char names[160] = "";
	size_t used = 0;

	if (!scan->options->interface || network_interface_by_name(&scan->network, scan->options->interface) >= 0)
		return true;
	for (size_t i = 0; i < scan->network.interface_count && used < sizeof(names); i++) {
		int n = snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
		                 scan->network.interfaces[i].name);

		used += n > 0 ? (size_t)n : 0;
	}
	return err_set(err, ERR_USAGE, "-e %s: there is no such interface; there are: %s", scan->options->interface,
	               names);
}

static bool is_down(const struct interface *interface, struct err *err)
{
	if (interface->up)
		return false;
	err_set(err, ERR_SYSTEM, "interface %s is down; bring it up: ip link set %s up", interface->name,
	        interface->name);
	return true;
}

/* One interface, or source address, as long as all targets agree on it. */
struct agreement {
	int interface; /* -1: none yet, -2: several */
	struct addr source;
	bool several_sources;
};

static void agree(struct agreement *a, const struct path *path)
{
	if (a->interface != -1 && a->interface != path->interface)
		a->interface = -2;
	else
		a->interface = path->interface;
	if (!addr_is_set(&a->source))
		a->source = path->source;
	else if (!addr_equal(&a->source, &path->source))
		a->several_sources = true;
}

/* Looks the first targets up. *whole tells whether these were all; *why is the first target's trouble. */
static void walk(struct scan *scan, int only_interface, struct agreement *a, bool *whole, struct err *why)
{
	size_t most = WALK_ROUTES / (scan->network.route_count + 1) + 1;
	struct target_cursor cursor = {0};
	struct addr addr;

	if (most > WALK_ADDRESSES)
		most = WALK_ADDRESSES;
	*whole = false;
	for (size_t i = 0; i < most; i++) {
		struct path path;
		struct err err = {0};

		if (!target_next(scan->targets, scan->exclude, &cursor, &addr)) {
			*whole = true;
			return;
		}
		if (!network_path(&scan->network, &addr, only_interface, &scan->source, &path, &err)) {
			if (why->code == ERR_NONE)
				*why = err;
			continue;
		}
		scan->use_interface[path.interface] = true;
		agree(a, &path);
	}
}

/* More targets than were looked at: every interface that could carry some of them. */
static void use_all(struct scan *scan, struct agreement *a)
{
	for (size_t i = 0; i < scan->network.addr_count; i++) {
		int index = scan->network.addrs[i].interface;

		if (scan->network.addrs[i].addr.family != 4 || !scan->network.interfaces[index].up ||
		    scan->use_interface[index])
			continue;
		scan->use_interface[index] = true;
		a->interface = -2;
		a->several_sources = true;
	}
}

/* --broadcast-ping: every interface whose network is asked as a whole. */
static bool survey_broadcasts(struct scan *scan, int only_interface, struct err *err)
{
	const struct network *network = &scan->network;
	bool any = false;

	scan->single_interface = -1;
	for (size_t i = 0; i < network->addr_count; i++) {
		int interface = network->addrs[i].interface;
		struct addr to = broadcast_of(network, &network->addrs[i]);

		if (!addr_is_set(&to) || !target_set_contains(scan->targets, &to) ||
		    (only_interface >= 0 && only_interface != interface))
			continue;
		scan->single_interface = any && scan->single_interface != interface ? -1 : interface;
		scan->use_interface[interface] = true;
		any = true;
	}
	return any ||
	       err_set(err, ERR_USAGE,
	               "--broadcast-ping: no target is the broadcast address of a directly connected network: name "
	               "one, or the network (--iflist shows them)");
}

bool survey_paths(struct scan *scan, struct err *err)
{
	struct agreement a = {.interface = -1};
	struct err why = {0};
	int only = -1;
	bool whole;

	if (scan->options->interface) {
		only = network_interface_by_name(&scan->network, scan->options->interface);
		if (is_down(&scan->network.interfaces[only], err))
			return false;
	}
	scan->use_interface = calloc(scan->network.interface_count + 1, sizeof(*scan->use_interface));
	if (!scan->use_interface)
		return err_set(err, ERR_SYSTEM, "out of memory while starting the scan");
	if (scan->options->broadcast_ping)
		return survey_broadcasts(scan, only, err);
	walk(scan, only, &a, &whole, &why);
	if (!whole && only < 0)
		use_all(scan, &a);
	if (a.interface == -1)
		return err_set(err, ERR_SYSTEM, "%s",
		               why.code != ERR_NONE ? why.text : "no interface leads to the targets");
	for (size_t i = 0; i < scan->network.interface_count; i++) {
		if (scan->use_interface[i] && a.interface >= 0 && is_down(&scan->network.interfaces[i], err))
			return false;
	}
	scan->single_interface = a.interface >= 0 ? a.interface : -1;
	if (!a.several_sources && scan->options->source_count <= 1)
		scan->info.source = a.source;
	return true;
}
