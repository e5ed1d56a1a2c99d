/* fuzz_report.c: any bytes as the JSON-lines file of an earlier scan (--resume, --merge): read, and told again as events. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/cli/merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Every event has what reports rely on. */
static void check_events(struct resume *resume)
{
	for (size_t i = 0; i < resume->item_count; i++) {
		struct event event;

		if (!resume_event_load(resume, &resume->items[i], &event))
			abort();
		if (event.kind == EVENT_HOST && (!event.u.host.reason || event.u.host.state > HOST_UNKNOWN))
			abort();
		if (event.kind == EVENT_PORT && (!event.u.port.reason || event.u.port.state >= PORT_STATE_COUNT))
			abort();
		if (event.kind == EVENT_NOTE && !event.u.note.code)
			abort();
	}
}

/* The reports take it, however often and in whatever order it comes. */
static void merge(struct resume *resume)
{
	const struct scan_info info = {.version = "0"};
	struct merge_count count;
	struct err err = {0};
	struct reports *reports = reports_new(&info, &err);
	struct resume *const parts[] = {resume, resume};

	if (!reports)
		return;
	reports_begin(reports);
	if (merge_hosts(parts, 2, 0, reports, &count) &&
	    count.hosts_up + count.hosts_down + count.hosts_unknown != resume->host_count)
		abort();
	reports_free(reports);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	FILE *file = n > 0 ? fmemopen((void *)(uintptr_t)bytes, n, "r") : NULL;
	struct err err = {0};
	struct resume *resume;

	if (!file)
		return 0;
	resume = resume_read_file(file, "--merge", "file", &err);
	if (!resume) {
		if (err.code == ERR_NONE || strchr(err.text, '\n'))
			abort();
		return 0;
	}
	check_events(resume);
	merge(resume);
	resume_free(resume);
	return 0;
}
