/* summary.c: how the scan went, for the end of every report. */
#include "claiming.h"
#include "scan.h"

/* Targets that are counted one by one when a scan was cut off; of larger sets the size is told, overlaps counted twice. */
static const uint64_t MOST_COUNTED = UINT64_C(1) << 22;

static uint64_t count_targets(const struct scan *scan)
{
	struct target_cursor cursor = {0};
	struct addr addr;
	uint64_t count = 0;

	while (count <= MOST_COUNTED && target_next(scan->targets, scan->exclude, &cursor, &addr))
		count++;
	return count <= MOST_COUNTED ? count : target_set_size(scan->targets);
}

void scan_summarise(const struct scan *scan, char note[SCAN_NOTE_BYTES], struct scan_summary *out)
{
	struct engine_progress at;
	struct link_counters counters = {0};
	int64_t now_ns = link_now(scan->link);
	uint64_t hosts;

	engine_progress(scan->engine, now_ns, &at);
	link_counters(scan->link, &counters);
	*out = (struct scan_summary){
	        .end_wall_ns = scan->playback ? scan->playback->end_wall_ns : live_wall_ns(),
	        .elapsed_ns = now_ns - scan->info.start_ns,
	        .hosts_up = at.hosts_up,
	        .hosts_down = at.hosts_down,
	        .sent = at.sent + scan->claim_packets,
	        .received = at.received,
	        .rejected = at.rejected,
	        .send_errors = scan->send_errors.total + scan->craft_errors,
	        .send_error_text = send_errors_commonest(&scan->send_errors),
	        .kernel_drops = counters.kernel_drops,
	        .partial = scan->partial_why != NULL,
	        .partial_why = scan->partial_why,
	        .note = claiming_note(scan, note, SCAN_NOTE_BYTES),
	};
	if (scan->playback) {
		out->sent += scan->playback->claim_packets;
		out->kernel_drops = scan->playback->kernel_drops;
		out->note = scan->playback->note[0] ? scan->playback->note : NULL;
	}
	if (scan->resume)
		resume_count(scan->resume, out);
	hosts = !out->partial                          ? at.hosts_finished
	        : shard_is_part(&scan->options->shard) ? at.hosts_total
	                                               : count_targets(scan);
	if (hosts > out->hosts_up + out->hosts_down)
		out->hosts_unknown = hosts - out->hosts_up - out->hosts_down;
}
