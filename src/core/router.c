/* router.c: when routers refused something last. A router that rejects (iptables REJECT, an access list) has a limit on its errors like any
 * host, and one for all hosts behind it: what it refused for one of them took the error that another one did not get. */
#include "internal.h"

enum { ROUTER_QUIET_MS = 3500 /* in which the slowest router in wide use would have refused again */ };

/* Its place; ROUTERS_KEPT: none. */
static size_t find(const struct engine *e, const struct addr *addr)
{
	size_t i = 0;

	while (i < ROUTERS_KEPT && !(e->routers[i].last_ns > 0 && addr_equal(&e->routers[i].addr, addr)))
		i++;
	return i;
}

static size_t oldest(const struct engine *e)
{
	size_t oldest = 0;

	for (size_t i = 1; i < ROUTERS_KEPT; i++)
		if (e->routers[i].last_ns < e->routers[oldest].last_ns)
			oldest = i;
	return oldest;
}

void router_refused(struct engine *e, struct portscan *scan, const struct addr *addr, int64_t sent_ns)
{
	size_t place = find(e, addr);

	scan->refuser = *addr;
	if (sent_ns > scan->refuser_last_ns)
		scan->refuser_last_ns = sent_ns;
	if (place == ROUTERS_KEPT) {
		place = oldest(e);
		e->routers[place] = (struct router){.addr = *addr};
	}
	if (sent_ns > e->routers[place].last_ns)
		e->routers[place].last_ns = sent_ns;
}

int64_t router_last(const struct engine *e, const struct portscan *scan)
{
	size_t place = scan->refuser_last_ns > 0 ? find(e, &scan->refuser) : ROUTERS_KEPT;

	if (place == ROUTERS_KEPT || e->routers[place].last_ns < scan->refuser_last_ns)
		return scan->refuser_last_ns;
	return e->routers[place].last_ns;
}

int64_t router_quiet(const struct engine *e, const struct portscan *scan)
{
	return router_last(e, scan) + ROUTER_QUIET_MS * MS;
}
