/* retold.c: names of hosts in a record, noted and played back. */
#include "retold.h"

#include <stdlib.h>

enum { BUCKETS = 4096 /* a power of two */, LATER = 0, AT_ONCE = 1 };

/* A host that was told and is not done. */
struct told {
	struct event host;
	struct event done;
	bool is_done; /* the engine says so; the record does not yet */
	struct told *next;
};

struct retold {
	struct told *buckets[BUCKETS];
};

struct retold *retold_new(void)
{
	return calloc(1, sizeof(struct retold));
}

void retold_free(struct retold *retold)
{
	for (size_t i = 0; retold && i < BUCKETS; i++) {
		while (retold->buckets[i]) {
			struct told *next = retold->buckets[i]->next;

			free(retold->buckets[i]);
			retold->buckets[i] = next;
		}
	}
	free(retold);
}

void retold_record(struct scan *scan, const struct event *event, bool direct)
{
	if (event->kind == EVENT_HOST && event->u.host.name)
		journal_note(scan->journal, JOURNAL_NAME, event->at_ns, direct ? AT_ONCE : LATER, event->ordinal,
		             event->u.host.name);
	if (event->kind == EVENT_HOST_DONE)
		journal_note(scan->journal, JOURNAL_TOLD, event->at_ns, 0, event->ordinal, NULL);
}

static struct told **find(struct retold *retold, uint64_t ordinal)
{
	struct told **at = &retold->buckets[ordinal & (BUCKETS - 1)];

	while (*at && (*at)->host.ordinal != ordinal)
		at = &(*at)->next;
	return at;
}

/* The host's place; made where there is none. NULL when memory ran out: the host is told as it is, without its name. */
static struct told *place(struct retold *retold, const struct event *event)
{
	struct told **at = find(retold, event->ordinal);

	if (!*at && (*at = calloc(1, sizeof(**at))))
		(*at)->host = *event;
	return *at;
}

static void tell_host(struct scan *scan, struct told *told, const struct replay_note *note)
{
	struct event event = told->host;

	event.at_ns = note->at_ns;
	event.u.host.name = note->text;
	scan_deliver(scan, &event);
}

bool retold_work(struct scan *scan)
{
	struct retold *retold = scan->playback->retold;
	struct replay_note note;
	bool any = false;

	for (;;) {
		enum journal_kind next = replay_next(scan->link);
		struct told **at;

		if (next != JOURNAL_NAME && next != JOURNAL_TOLD)
			return any;
		at = find(retold, replay_cookie(scan->link));
		if (!*at || (next == JOURNAL_TOLD && !(*at)->is_done))
			return any; /* its event is still to come */
		replay_take(scan->link, next, &note);
		any = true;
		if (next == JOURNAL_NAME) {
			tell_host(scan, *at, &note);
		} else {
			struct told *told = *at;

			*at = told->next;
			scan_deliver(scan, &told->done);
			free(told);
		}
	}
}

static void take_host(struct scan *scan, struct told *told, const struct event *event)
{
	struct replay_note note;

	if (replay_next(scan->link) == JOURNAL_NAME && replay_cookie(scan->link) == event->ordinal &&
	    replay_number(scan->link) == AT_ONCE && replay_take(scan->link, JOURNAL_NAME, &note))
		tell_host(scan, told, &note);
	else
		scan_deliver(scan, event);
}

void retold_take(struct scan *scan, const struct event *event)
{
	struct told *told = NULL;

	if (event->kind == EVENT_HOST || event->kind == EVENT_HOST_DONE)
		told = place(scan->playback->retold, event);
	if (!told) {
		scan_deliver(scan, event);
	} else if (event->kind == EVENT_HOST) {
		told->host = *event;
		take_host(scan, told, event);
	} else {
		told->done = *event;
		told->is_done = true;
	}
	retold_work(scan);
}
