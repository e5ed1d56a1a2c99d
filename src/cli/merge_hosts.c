/* merge_hosts.c: what several parts say of each host becomes one word on it. */
#include <stdlib.h>
#include <string.h>

#include "merge.h"

/* A host as one part knows it. */
struct part_host {
	struct addr addr;
	uint64_t index; /* place among all targets; RESUME_NO_INDEX: not told */
	uint32_t part;
	uint32_t host; /* number in that part */
};

/* One line, and the part it stands in. */
struct part_line {
	struct resume *part;
	const struct resume_item *item;
	uint32_t order; /* of the part */
};

struct merging {
	struct resume *const *parts;
	struct part_host *hosts;
	size_t host_count;
	int64_t start_wall_ns;
	struct reports *reports;
	struct merge_count *count;
	struct part_line *lines; /* of the host at hand */
	size_t line_room;
};

static int compare_by_addr(const void *a, const void *b)
{
	const struct part_host *x = a, *y = b;
	int order = addr_compare(&x->addr, &y->addr);

	return order ? order : (x->part > y->part) - (x->part < y->part);
}

/* In the order of the targets; hosts of the same place, or of none, by address. */
static int compare_by_place(const void *a, const void *b)
{
	const struct part_host *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return compare_by_addr(a, b);
}

static bool list_hosts(struct merging *m, size_t part_count)
{
	size_t total = 0;

	for (size_t p = 0; p < part_count; p++)
		total += m->parts[p]->host_count;
	m->hosts = calloc(total + 1, sizeof(*m->hosts));
	if (!m->hosts)
		return false;
	for (size_t p = 0; p < part_count; p++) {
		const struct resume *part = m->parts[p];

		for (size_t h = 0; h < part->host_count; h++) {
			const struct resume_item *item = &part->items[part->hosts[h].first];

			m->hosts[m->host_count++] = (struct part_host){
			        .addr = item->addr,
			        .index = item->kind == EVENT_HOST ? item->index : RESUME_NO_INDEX,
			        .part = (uint32_t)p,
			        .host = (uint32_t)h,
			};
		}
	}
	return true;
}

/* All parts' words on a host get one place. Where a place is not known for every host, addresses alone decide. */
static void put_in_order(struct merging *m)
{
	bool all_placed = true;

	qsort(m->hosts, m->host_count, sizeof(*m->hosts), compare_by_addr);
	for (size_t i = 0, end; i < m->host_count; i = end) {
		uint64_t index = RESUME_NO_INDEX;

		for (end = i; end < m->host_count && addr_equal(&m->hosts[end].addr, &m->hosts[i].addr); end++) {
			if (m->hosts[end].index < index)
				index = m->hosts[end].index;
		}
		for (size_t k = i; k < end; k++)
			m->hosts[k].index = index;
		all_placed &= index != RESUME_NO_INDEX;
	}
	if (all_placed)
		qsort(m->hosts, m->host_count, sizeof(*m->hosts), compare_by_place);
}

/* By kind and port; on one subject in the order of the scans. Notes stay in the order in which they were made. */
static int compare_lines(const void *a, const void *b)
{
	const struct part_line *x = a, *y = b;

	if (x->item->kind != y->item->kind)
		return x->item->kind < y->item->kind ? -1 : 1;
	if (x->item->port != y->item->port && x->item->kind != EVENT_NOTE)
		return x->item->port < y->item->port ? -1 : 1;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->item->offset > y->item->offset) - (x->item->offset < y->item->offset);
}

/* Collects all lines about hosts[first .. end), which are one host. */
static bool collect_lines(struct merging *m, size_t first, size_t end, size_t *count)
{
	size_t total = 0;

	for (size_t i = first; i < end; i++)
		total += m->parts[m->hosts[i].part]->hosts[m->hosts[i].host].count;
	if (total > m->line_room) {
		struct part_line *grown = realloc(m->lines, total * 2 * sizeof(*grown));

		if (!grown)
			return false;
		m->lines = grown;
		m->line_room = total * 2;
	}
	*count = 0;
	for (size_t i = first; i < end; i++) {
		struct resume *part = m->parts[m->hosts[i].part];
		const struct resume_host *host = &part->hosts[m->hosts[i].host];

		for (size_t k = 0; k < host->count; k++)
			m->lines[(*count)++] =
			        (struct part_line){part, &part->items[host->first + k], m->hosts[i].part};
	}
	qsort(m->lines, *count, sizeof(*m->lines), compare_lines);
	return true;
}

static bool is_known(const struct resume_item *item)
{
	if (item->kind == EVENT_HOST)
		return item->state != HOST_UNKNOWN;
	return item->kind != EVENT_PORT || item->state != PORT_UNKNOWN;
}

/* Of lines on one subject the one that holds: the last one known, else the last. *differs: a known one before it says otherwise. */
static const struct part_line *choose(const struct part_line *lines, size_t count, const struct part_line **differs)
{
	const struct part_line *chosen = &lines[count - 1];

	*differs = NULL;
	for (size_t i = count; i > 0 && !is_known(chosen->item); i--)
		chosen = is_known(lines[i - 1].item) ? &lines[i - 1] : chosen;
	for (const struct part_line *line = lines; line < chosen; line++) {
		if (is_known(line->item) && line->item->state != chosen->item->state)
			*differs = line;
	}
	return chosen;
}

/* When the part's last scan began, on the clock of the merged report. */
static int64_t time_of(const struct merging *m, const struct resume *part)
{
	int64_t start_ns = part->run_count ? part->runs[part->run_count - 1].start_wall_ns : 0;

	return start_ns > m->start_wall_ns ? start_ns - m->start_wall_ns : 0;
}

static void tell(struct merging *m, uint64_t ordinal, const struct part_line *line)
{
	struct event event;

	if (!resume_event_load(line->part, line->item, &event))
		return;
	event.ordinal = ordinal;
	event.index = ordinal;
	event.at_ns = time_of(m, line->part);
	reports_event(m->reports, &event);
}

static void tell_difference(struct merging *m, uint64_t ordinal, const struct part_line *then,
                            const struct part_line *now)
{
	bool is_port = now->item->kind == EVENT_PORT;
	struct event event = {.kind = EVENT_NOTE, .ordinal = ordinal, .index = ordinal, .addr = now->item->addr};

	event.at_ns = time_of(m, now->part);
	event.u.note.port = is_port ? now->item->port : 0;
	event.u.note.code = "changed-between-scans";
	snprintf(event.u.note.text, sizeof(event.u.note.text), "was %s in an earlier scan",
	         is_port ? port_state_name((enum port_state)then->item->state)
	                 : host_state_name((enum host_state)then->item->state));
	reports_event(m->reports, &event);
}

static void count_host(struct merging *m, enum host_state state)
{
	m->count->hosts_up += state == HOST_UP;
	m->count->hosts_down += state == HOST_DOWN;
	m->count->hosts_unknown += state == HOST_UNKNOWN;
}

/* Everything about one host: lines are sorted, its own first. A host that is not up any more has no ports. */
static void tell_host(struct merging *m, uint64_t ordinal, const struct addr *addr, size_t line_count)
{
	struct event done = {.kind = EVENT_HOST_DONE, .ordinal = ordinal, .index = ordinal, .addr = *addr};
	enum host_state state = HOST_UNKNOWN;

	for (size_t i = 0, end; i < line_count; i = end) {
		const struct resume_item *item = m->lines[i].item;
		const struct part_line *chosen, *differs;

		for (end = i + 1; end < line_count && m->lines[end].item->kind == item->kind &&
		                  m->lines[end].item->port == item->port && item->kind != EVENT_NOTE;
		     end++)
			;
		chosen = choose(&m->lines[i], end - i, &differs);
		if (item->kind == EVENT_HOST)
			state = (enum host_state)chosen->item->state;
		else if (item->kind == EVENT_PORT && state == HOST_DOWN)
			continue;
		m->count->ports_unknown += item->kind == EVENT_PORT && chosen->item->state == PORT_UNKNOWN;
		tell(m, ordinal, chosen);
		if (differs)
			tell_difference(m, ordinal, differs, chosen);
		if (time_of(m, chosen->part) > done.at_ns)
			done.at_ns = time_of(m, chosen->part);
	}
	count_host(m, state);
	reports_event(m->reports, &done);
}

bool merge_hosts(struct resume *const *parts, size_t part_count, int64_t start_wall_ns, struct reports *reports,
                 struct merge_count *out)
{
	struct merging m = {.parts = parts, .start_wall_ns = start_wall_ns, .reports = reports, .count = out};
	uint64_t ordinal = 0;
	bool ok = list_hosts(&m, part_count);

	*out = (struct merge_count){0};
	if (ok)
		put_in_order(&m);
	for (size_t i = 0, end; ok && i < m.host_count; i = end) {
		size_t lines;

		for (end = i + 1; end < m.host_count && addr_equal(&m.hosts[end].addr, &m.hosts[i].addr); end++)
			;
		ok = collect_lines(&m, i, end, &lines);
		if (ok)
			tell_host(&m, ordinal++, &m.hosts[i].addr, lines);
	}
	free(m.lines);
	free(m.hosts);
	return ok;
}
