/* sweep_tell.c: the results of a sweep in ascending order, and what is to be noted about hosts and networks. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep_internal.h"

enum { BLOCK_ADDRESSES = 256, FEWEST_ALIKE = 128, ALIKE_SLACK_MS = 20, SAMPLE = 15 };

/* The same is noted once. */
void sweep_note_add(struct sweep *s, uint64_t i, const char *code, const char *format, ...)
{
	struct sweep_note *note = &s->notes[s->note_count];
	va_list args;

	for (size_t n = 0; n < s->note_count; n++)
		if (s->notes[n].i == i && strcmp(s->notes[n].code, code) == 0)
			return;
	if (s->note_count == MOST_NOTES) {
		s->notes_left_out++;
		return;
	}
	s->note_count++;
	note->i = i;
	note->code = code;
	va_start(args, format);
	vsnprintf(note->text, sizeof(note->text), format, args);
	va_end(args);
}

static int by_address(const void *a, const void *b)
{
	const struct sweep_note *x = a, *y = b;

	return x->i != y->i ? (x->i > y->i) - (x->i < y->i) : strcmp(x->code, y->code);
}

void sweep_tell_begin(struct sweep *s)
{
	s->phase = SWEEP_TELLING;
	s->told = 0;
	qsort(s->notes, s->note_count, sizeof(*s->notes), by_address);
	if (s->count == 0)
		s->phase = SWEEP_DONE;
}

static void begin_event(const struct sweep *s, enum event_kind kind, struct event *out)
{
	memset(out, 0, sizeof(*out));
	out->kind = kind;
	out->swept = true;
	out->at_ns = s->last_sent_ns;
}

/* Blocks: /24s in which every address answers alike. */

/* The median of some of them. */
static uint32_t typical(const struct sweep_block_stats *block)
{
	uint32_t sample[SAMPLE], count = 0;

	for (uint32_t i = 0; i < block->rtt_count && count < SAMPLE; i += 1 + block->rtt_count / SAMPLE) {
		uint32_t rtt = block->rtts[i], at = count++;

		for (; at > 0 && sample[at - 1] > rtt; at--)
			sample[at] = sample[at - 1];
		sample[at] = rtt;
	}
	return count ? sample[count / 2] : 0;
}

/* Do nine in ten answer in about the same time: half to twice the typical one, or within what a busy path or machine may add? */
static bool same_time(const struct sweep_block_stats *block, uint32_t rtt)
{
	const uint32_t slack = (uint32_t)(ALIKE_SLACK_MS * MS >> STAMP_SHIFT);
	uint32_t alike = 0;

	for (uint32_t i = 0; i < block->rtt_count; i++) {
		uint32_t at = block->rtts[i], difference = at > rtt ? at - rtt : rtt - at;

		alike += difference <= slack || (at >= rtt / 2 && at / 2 <= rtt);
	}
	return alike * 10 >= block->rtt_count * 9;
}

static bool goes_on(const struct sweep_block *before, const struct sweep_block *now)
{
	return before->last + 1 == now->first && before->ttl == now->ttl && before->by_arp == now->by_arp &&
	       memcmp(before->mac, now->mac, MAC_BYTES) == 0;
}

/* A /24 is told: is it one of those? */
static void end_block(struct sweep *s)
{
	struct sweep_block_stats *stats = &s->block;
	struct sweep_block block = {.first = stats->first,
	                            .last = stats->first + stats->count - 1,
	                            .addresses = stats->count,
	                            .ttl = stats->ttl,
	                            .by_arp = stats->has_mac};
	bool alike = stats->count >= FEWEST_ALIKE && stats->up == stats->count && stats->same_ttl &&
	             (!stats->has_mac || stats->same_mac);

	if (alike && !stats->has_mac) {
		block.rtt = typical(stats);
		alike = stats->rtt_count > 0 && same_time(stats, block.rtt);
	}
	if (stats->has_mac)
		memcpy(block.mac, stats->mac, MAC_BYTES);
	stats->count = 0;
	if (!alike) {
		s->block_open = false;
		return;
	}
	if (s->block_open && goes_on(&s->blocks[s->block_count - 1], &block)) {
		s->blocks[s->block_count - 1].last = block.last;
		s->blocks[s->block_count - 1].addresses += block.addresses;
		return;
	}
	s->block_open = s->block_count < MOST_BLOCK_NOTES;
	if (s->block_open)
		s->blocks[s->block_count++] = block;
}

static void count_in_block(struct sweep *s, uint32_t v4, const struct host_event *host, uint64_t count)
{
	struct sweep_block_stats *block = &s->block;

	if (block->count > 0 && ((v4 ^ block->first) >= BLOCK_ADDRESSES || v4 != block->first + block->count))
		end_block(s);
	if (host->state != HOST_UP) {
		block->count = 0;
		s->block_open = false;
		return;
	}
	(void)count;
	if (block->count == 0) {
		if (v4 % BLOCK_ADDRESSES >= FEWEST_ALIKE)
			return; /* too few are left of this /24 */
		*block = (struct sweep_block_stats){
		        .first = v4, .same_ttl = true, .same_mac = true, .ttl = host->ttl, .has_mac = host->has_mac};
		memcpy(block->mac, host->mac, MAC_BYTES);
	}
	block->count++;
	block->up++;
	block->same_ttl &= block->ttl == host->ttl;
	block->same_mac &= memcmp(block->mac, host->mac, MAC_BYTES) == 0;
	if (host->has_rtt)
		block->rtts[block->rtt_count++] = (uint32_t)(host->rtt_ns >> STAMP_SHIFT);
}

static void tell_block(struct sweep *s, struct event *out)
{
	const struct sweep_block *block = &s->blocks[s->block_next++];
	struct addr first = addr_from_v4(block->first), last = addr_from_v4(block->last);
	char first_text[ADDR_TEXT_BYTES], last_text[ADDR_TEXT_BYTES], mac[MAC_TEXT_BYTES];
	struct note_event *note = &out->u.note;

	begin_event(s, EVENT_NOTE, out);
	note->code = "one-answers-for-all";
	addr_format(&first, first_text);
	addr_format(&last, last_text);
	if (block->by_arp)
		snprintf(note->text, sizeof(note->text),
		         "all %llu addresses %s-%s are at %s: proxy ARP, or one machine",
		         (unsigned long long)block->addresses, first_text, last_text, mac_format(block->mac, mac));
	else
		snprintf(note->text, sizeof(note->text),
		         "all %llu addresses %s-%s answer with TTL %u in about %.2f ms: perhaps one device for all",
		         (unsigned long long)block->addresses, first_text, last_text, block->ttl,
		         (double)((int64_t)block->rtt << STAMP_SHIFT) / 1e6);
}

/* What is to be said at the very end. */
static bool tell_closing(struct sweep *s, struct event *out)
{
	if (s->block_next < s->block_count) {
		tell_block(s, out);
		return true;
	}
	if (s->notes_left_out > 0) {
		begin_event(s, EVENT_NOTE, out);
		out->u.note.code = "more-notes";
		snprintf(out->u.note.text, sizeof(out->u.note.text), "%llu more notes of these kinds are left out",
		         (unsigned long long)s->notes_left_out);
		s->notes_left_out = 0;
		return true;
	}
	s->phase = SWEEP_DONE;
	return false;
}

static void tell_note(struct sweep *s, struct event *out)
{
	const struct sweep_note *note = &s->notes[s->note_next++];

	begin_event(s, EVENT_NOTE, out);
	out->ordinal = note->i;
	out->addr = sweep_addr(s, note->i);
	out->u.note.code = note->code;
	memcpy(out->u.note.text, note->text, sizeof(note->text));
}

/* The last word on a silent address, or one for which a router spoke. */
static void judge_silent(struct sweep *s, uint8_t code, const struct sweep_path *path, struct host_event *out)
{
	*out = (struct host_event){.state = HOST_DOWN, .reason = "no-response"};
	if (!path->usable) {
		out->reason = path->unusable;
	} else if (path->failed) {
		out->reason = "no-gateway";
		out->from = path->path.next_hop;
	} else if (code != CODE_SILENT && !(s->stopped && sweep_store_verdict(&s->store, code)->asked_on)) {
		const struct sweep_verdict *verdict = sweep_store_verdict(&s->store, code);

		out->state = verdict->state;
		out->reason = verdict->reason;
		out->from = verdict->from;
	} else if (s->stopped) {
		out->state = HOST_UNKNOWN;
		out->reason = "unresolved";
	} else if (sweep_path_uses_arp(path)) {
		out->reason = "no-arp-reply";
	}
}

static void describe_up(const struct sweep *s, uint64_t i, const struct sweep_verdict *verdict, struct host_event *out)
{
	const struct sweep_page *page = s->store.pages[i / PAGE_ADDRESSES];
	size_t at = i % PAGE_ADDRESSES;

	*out = (struct host_event){.state = HOST_UP, .reason = verdict->reason};
	out->has_rtt = page->answers->rtt[at] != NO_RTT;
	if (out->has_rtt)
		out->rtt_ns = (int64_t)page->answers->rtt[at] << STAMP_SHIFT;
	out->has_ttl = page->answers->ttl[at] != 0;
	out->ttl = page->answers->ttl[at];
	out->has_mac = page->macs && verdict->reason && strcmp(verdict->reason, "arp-reply") == 0;
	if (out->has_mac)
		memcpy(out->mac, page->macs[at], MAC_BYTES);
}

/* How many addresses from i on share its code, at most `most`. */
static uint64_t run_length(const struct sweep *s, uint64_t i, uint8_t code, uint64_t most)
{
	uint64_t end = i + 1, limit = i + most;

	while (end < limit) {
		if (end % PAGE_ADDRESSES == 0 && !s->store.pages[end / PAGE_ADDRESSES] && code == CODE_SILENT)
			end += PAGE_ADDRESSES;
		else if (sweep_store_code(&s->store, end) == code)
			end++;
		else
			break;
	}
	return (end < limit ? end : limit) - i;
}

/* How far a run may go: to the end of the range, of the path, and before the next noted address. */
static uint64_t run_limit(const struct sweep *s, uint64_t i, uint32_t v4, uint32_t path_last)
{
	uint64_t most = target_index_left(&s->index, i);

	if (most > (uint64_t)path_last - v4 + 1)
		most = (uint64_t)path_last - v4 + 1;
	if (s->note_next < s->note_count && s->notes[s->note_next].i - i < most)
		most = s->notes[s->note_next].i - i;
	return most > 0 ? most : 1;
}

static void count(struct sweep *s, const struct host_event *host, uint64_t addresses)
{
	if (host->state == HOST_DOWN)
		s->progress.hosts_down += addresses;
}

static void tell_address(struct sweep *s, struct event *out)
{
	bool one_by_one = s->index.count <= SWEEP_MOST_LISTED || shard_is_part(&s->config.shard);
	uint64_t i = s->told;
	uint8_t code = sweep_store_code(&s->store, i);
	struct swept_event *swept = &out->u.swept;
	const struct sweep_path *path;
	uint32_t v4, path_last;

	begin_event(s, EVENT_SWEPT, out);
	out->ordinal = i;
	out->addr = sweep_addr(s, i);
	out->index = shard_is_part(&s->config.shard) ? shard_at(&s->config.shard, i) : i;
	v4 = addr_v4(&out->addr);
	path = sweep_paths_find(&s->paths, v4, &path_last);
	swept->count = 1;
	swept->one_by_one = one_by_one;
	if (code != CODE_SILENT && sweep_store_verdict(&s->store, code)->state == HOST_UP) {
		describe_up(s, i, sweep_store_verdict(&s->store, code), &swept->host);
	} else {
		judge_silent(s, code, path, &swept->host);
		if (!one_by_one)
			swept->count = run_length(s, i, code, run_limit(s, i, v4, path_last));
	}
	count_in_block(s, v4, &swept->host, swept->count);
	count(s, &swept->host, swept->count);
	s->told += swept->count;
}

bool sweep_tell_next(struct sweep *s, struct event *out)
{
	while (s->told < s->count && sweep_store_code(&s->store, s->told) == CODE_SKIPPED)
		s->told++;
	while (s->note_next < s->note_count && s->notes[s->note_next].i < s->told)
		s->note_next++; /* of one that was skipped */
	if (s->told < s->count) {
		if (s->note_next < s->note_count && s->notes[s->note_next].i == s->told)
			tell_note(s, out);
		else
			tell_address(s, out);
		return true;
	}
	if (!s->summed_up) {
		s->summed_up = true;
		if (s->block.count > 0)
			end_block(s);
		s->progress.hosts_finished = s->count - s->skipped;
	}
	return tell_closing(s, out);
}
