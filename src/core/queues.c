/* queues.c: the ports that wait to be asked: fresh ones in their order, and those asked before, in turn. */
#include "internal.h"

/* Asks of ports known to refuse that stay unanswered until a source counts as deaf: with a tenth of the packets lost, 6 in a row are
 * lost once in a million times; one that did hear before may be at an empty bucket for a while. */
enum { UNHEARD_AT_FIRST = 6, UNHEARD_LATER = 16 };

void set_stage(struct lane *lane, struct port_slot *slot, enum port_stage stage)
{
	lane->waiting -= slot->stage == STAGE_WAITING;
	lane->waiting += stage == STAGE_WAITING;
	slot->stage = (uint8_t)stage;
}

void enqueue(struct lane *lane, struct port_queue *queue, struct port_slot *slot)
{
	uint32_t number = (uint32_t)(slot - lane->scan->slots);

	slot->next = NO_INDEX;
	if (queue->count++ == 0)
		queue->first = number;
	else
		lane->scan->slots[queue->last].next = number;
	queue->last = number;
}

void queue_push(struct lane *lane, struct port_slot *slot)
{
	set_stage(lane, slot, STAGE_AGAIN);
	enqueue(lane, slot->silences > 0 ? &lane->suspects : &lane->retry, slot);
}

void queue_urgent(struct lane *lane, struct port_slot *slot)
{
	set_stage(lane, slot, STAGE_URGENT);
	enqueue(lane, &lane->urgent, slot);
}

struct port_slot *dequeue(struct lane *lane, struct port_queue *queue)
{
	struct port_slot *slot = &lane->scan->slots[queue->first];

	queue->first = slot->next;
	queue->count--;
	return slot;
}

struct port_slot *head(struct lane *lane, struct port_queue *queue)
{
	while (queue->count > 0) {
		struct port_slot *slot = &lane->scan->slots[queue->first];

		if (slot->stage == STAGE_AGAIN && (queue == &lane->suspects || slot->silences == 0))
			return slot;
		dequeue(lane, queue);
		if (slot->stage == STAGE_AGAIN)
			enqueue(lane, &lane->suspects, slot);
	}
	return NULL;
}

void suspect_head(struct lane *lane)
{
	enqueue(lane, &lane->suspects, dequeue(lane, &lane->retry));
}

void suspect_all(struct lane *lane)
{
	while (head(lane, &lane->retry))
		suspect_head(lane);
}

void unsuspect_unproved(struct lane *lane)
{
	for (uint32_t left = lane->suspects.count; left > 0 && head(lane, &lane->suspects); left--)
		queue_push(lane, dequeue(lane, &lane->suspects));
}

void rotate(struct lane *lane, struct port_queue *queue)
{
	enqueue(lane, queue, dequeue(lane, queue));
}

struct port_slot *fresh_head(struct lane *lane)
{
	while (lane->scan->fresh_next < lane->scan->slot_count &&
	       lane->scan->slots[lane->scan->fresh_next].stage != STAGE_FRESH)
		lane->scan->fresh_next++;
	return lane->scan->fresh_next < lane->scan->slot_count ? &lane->scan->slots[lane->scan->fresh_next] : NULL;
}

bool lane_is_deaf(const struct lane *lane)
{
	const struct portscan *scan = lane->scan;

	if (lane->unheard < (lane->heard ? UNHEARD_LATER : UNHEARD_AT_FIRST))
		return false;
	for (size_t i = 0; i < scan->lane_count; i++)
		if (scan->lanes[i].heard && scan->lanes[i].unheard < UNHEARD_AT_FIRST)
			return true;
	return false;
}

/* The lane in whose queues most ports wait; NULL: none can spare one. */
static struct lane *longest_queue(struct portscan *scan)
{
	struct lane *longest = NULL;

	for (size_t i = 0; i < scan->lane_count; i++) {
		struct lane *other = &scan->lanes[i];
		/* The last port of a lane at work is left to it. */
		bool idle = lane_is_deaf(other) || (i > scan->teacher && other->limiter.phase != LIMITER_KNOWN);

		if (other->retry.count + other->suspects.count < (idle ? 1 : 2) ||
		    (!head(other, &other->retry) && !head(other, &other->suspects)))
			continue;
		if (!longest ||
		    other->retry.count + other->suspects.count > longest->retry.count + longest->suspects.count)
			longest = other;
	}
	return longest;
}

/* What was proved of the port stays proved: the tokens of one lane are as good as those of another. */
bool asking_take_over(struct lane *lane)
{
	struct lane *longest;
	struct port_queue *queue;
	struct port_slot *slot;

	if (lane->outstanding > 0 || lane_is_deaf(lane) || head(lane, &lane->retry) || head(lane, &lane->suspects) ||
	    fresh_head(lane))
		return false;
	longest = longest_queue(lane->scan);
	if (!longest)
		return false;
	queue = head(longest, &longest->retry) ? &longest->retry : &longest->suspects;
	slot = dequeue(longest, queue);
	slot->lane = lane->index;
	slot->last_entry = lane->log_next - 1;
	slot->unproven = 0;
	slot->epoch = NO_INDEX;
	slot->last_bracket = NO_INDEX;
	queue_push(lane, slot);
	return true;
}
