/* inactive.c: why hosts are inactive, and who said so, as a few lines under the list of them. */
#include <inttypes.h>
#include <string.h>

#include "inactive.h"

void inactive_init(struct inactive *inactive, bool every_reason)
{
	*inactive = (struct inactive){.every_reason = every_reason};
}

void inactive_free(struct inactive *inactive)
{
	for (size_t i = 0; i < inactive->count; i++)
		addr_ranges_free(&inactive->groups[i].hosts);
	inactive->count = 0;
}

static struct inactive_group *find_group(struct inactive *inactive, const struct host_event *host)
{
	struct inactive_group *group = inactive->groups;

	for (size_t i = 0; i < inactive->count; i++, group++) {
		if (!strcmp(group->reason, host->reason) && addr_equal(&group->from, &host->from))
			return group;
	}
	if (inactive->count == INACTIVE_GROUPS_MAX)
		return NULL;
	*group = (struct inactive_group){.reason = host->reason, .from = host->from};
	inactive->count++;
	return group;
}

bool inactive_add_run(struct inactive *inactive, const struct host_result *first, uint64_t count)
{
	struct inactive_group *group = find_group(inactive, &first->host);
	struct addr last = first->addr;

	if (!group) {
		inactive->others += count;
		return true;
	}
	if (!inactive->every_reason && !addr_is_set(&group->from))
		return true;
	if (count == 1)
		return addr_ranges_add(&group->hosts, &first->addr);
	last = addr_from_v4(addr_v4(&last) + (uint32_t)(count - 1)); /* only sweeps of IPv4 have runs */
	return addr_ranges_add_run(&group->hosts, &first->addr, &last, count);
}

bool inactive_add(struct inactive *inactive, const struct host_result *host)
{
	return inactive_add_run(inactive, host, 1);
}

void inactive_print(const struct inactive *inactive, FILE *out)
{
	char from[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < inactive->count; i++) {
		const struct inactive_group *group = &inactive->groups[i];

		if (group->hosts.addresses == 0)
			continue;
		fprintf(out, "  %s", group->reason);
		if (addr_is_set(&group->from))
			fprintf(out, " from %s", addr_format(&group->from, from));
		fputs(": ", out);
		addr_ranges_print(&group->hosts, out);
		fprintf(out, " (%" PRIu64 ")\n", group->hosts.addresses);
	}
	if (inactive->others)
		fprintf(out, "  by the word of other routers: %" PRIu64 "\n", inactive->others);
}

bool inactive_may_hide(const struct inactive *inactive)
{
	for (size_t i = 0; i < inactive->count; i++) {
		if (strcmp(inactive->groups[i].reason, "no-arp-reply") != 0)
			return true;
	}
	return inactive->others > 0;
}
