/* names.c: which hosts get a name, and what waits for it; bounded in number and time. */
#include "names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "name_query.h"

enum {
	MOST_ASKED = 64, /* queries on their way at once */
	MOST_HELD =
	        65536, /* hosts that wait for their name, or whose name waits for the end; those beyond go without */
	FAILURES_DEAD = 3, /* queries in a row that could not even be sent, and no answer ever: nobody is there */
	BUCKETS = 4096,    /* a power of two */
};
static const int64_t LOOK_EVERY_NS = 50000000; /* at timeouts */
static const int64_t PATIENCE_NS = 2000000000; /* without any answer: the name servers are dead */

/* A host whose name is asked for. */
struct wanted {
	uint64_t ordinal;
	uint64_t index;
	struct addr addr;
	struct host_event host;
	int64_t at_ns;
	int64_t done_ns;
	bool swept;    /* of a sweep: the name is kept for its last word on the host */
	bool done;     /* the host is done, and that is held back */
	bool told;     /* its event went on without a name */
	bool answered; /* the query is over */
	char *name;    /* NULL: none */
	struct wanted *next_in_bucket;
	struct wanted *next_in_queue;
};

struct names {
	bool all;
	const char *servers;
	names_deliver *deliver;
	void *context;
	int epoll;
	bool started;
	bool dead;
	bool costly;
	struct name_query *query;
	struct wanted *buckets[BUCKETS];
	struct wanted *queue_first; /* not asked yet */
	struct wanted *queue_last;
	size_t waiting; /* hosts whose query is not over */
	size_t kept;    /* names that wait for a sweep's last word */
	size_t asked;   /* queries on their way */
	int64_t now_ns;
	int64_t last_answer_ns; /* or when the asking began */
	int64_t look_ns;
	unsigned failures; /* in a row */
	uint64_t answers;
	uint64_t found;
	uint64_t left_out;
};

static name_answer on_answer;

/* Reads the resolver's configuration, when the first name is wanted. */
static bool start(struct names *names)
{
	if (!names->started) {
		names->query = name_query_new(names->epoll, names->servers, on_answer, names);
		names->dead = !names->query;
	}
	names->started = true;
	return !names->dead;
}

struct names *names_new(bool all, const char *servers, names_deliver *deliver, void *context, struct err *err)
{
	struct names *names = calloc(1, sizeof(*names));

	if (names) {
		*names = (struct names){.all = all,
		                        .servers = servers,
		                        .deliver = deliver,
		                        .context = context,
		                        .epoll = epoll_create1(EPOLL_CLOEXEC)};
	}
	if (!names || names->epoll < 0) {
		free(names);
		err_set(err, ERR_SYSTEM, "out of memory or file descriptors while starting the scan");
		return NULL;
	}
	if (!servers || start(names))
		return names;
	names_free(names);
	err_set(err, ERR_USAGE,
	        "--dns-servers %s: give addresses of name servers, such as 192.168.0.1 or 10.0.0.1:5353,10.0.0.2",
	        servers);
	return NULL;
}

static void wanted_free(struct wanted *wanted)
{
	free(wanted->name);
	free(wanted);
}

void names_free(struct names *names)
{
	if (!names)
		return;
	names->deliver = NULL; /* too late for anybody to listen */
	name_query_free(names->query);
	for (size_t i = 0; i < BUCKETS; i++) {
		while (names->buckets[i]) {
			struct wanted *next = names->buckets[i]->next_in_bucket;

			wanted_free(names->buckets[i]);
			names->buckets[i] = next;
		}
	}
	close(names->epoll);
	free(names);
}

int names_fd(const struct names *names)
{
	return names->epoll;
}

static struct wanted **find(struct names *names, uint64_t ordinal)
{
	struct wanted **at = &names->buckets[ordinal & (BUCKETS - 1)];

	while (*at && (*at)->ordinal != ordinal)
		at = &(*at)->next_in_bucket;
	return at;
}

static void forget(struct names *names, struct wanted *wanted)
{
	struct wanted **place = find(names, wanted->ordinal);

	if (*place == wanted)
		*place = wanted->next_in_bucket;
	wanted_free(wanted);
}

static void deliver(struct names *names, const struct event *event)
{
	if (names->deliver)
		names->deliver(names->context, event);
}

static struct event event_about(const struct wanted *wanted, enum event_kind kind, int64_t at_ns)
{
	return (struct event){.kind = kind,
	                      .at_ns = at_ns,
	                      .ordinal = wanted->ordinal,
	                      .index = wanted->index,
	                      .swept = wanted->swept,
	                      .addr = wanted->addr};
}

/* Tells the host, with its name where that is known. */
static void tell_host(struct names *names, struct wanted *wanted, int64_t at_ns)
{
	struct event event = event_about(wanted, EVENT_HOST, at_ns);

	event.u.host = wanted->host;
	event.u.host.name = wanted->name;
	wanted->told = true;
	deliver(names, &event);
}

/* The query is over, one way or the other: lets the host go on. */
static void settle(struct names *names, struct wanted *wanted)
{
	wanted->answered = true;
	if (!wanted->told)
		return; /* nothing could be sent, and its event is just being taken: take_host goes on */
	if (wanted->name)
		tell_host(names, wanted, names->now_ns > wanted->at_ns ? names->now_ns : wanted->at_ns);
	if (wanted->done) {
		struct event event = event_about(wanted, EVENT_HOST_DONE, wanted->done_ns);

		deliver(names, &event);
	}
	names->waiting--;
	if (wanted->swept && wanted->name)
		names->kept++;
	else
		forget(names, wanted);
}

static void on_answer(void *context, void *ticket, enum name_outcome outcome, const char *name)
{
	struct names *names = context;
	struct wanted *wanted = ticket;

	names->asked--;
	if (outcome == NAME_ANSWERED) {
		names->answers++;
		names->failures = 0;
		names->last_answer_ns = names->now_ns;
	} else if (outcome == NAME_CANCELLED) {
		names->left_out++;
	} else {
		/* Two tries that nobody answered say as much as several that could not be sent. */
		names->failures += outcome == NAME_TIMED_OUT ? FAILURES_DEAD : 1;
	}
	wanted->name = name ? strdup(name) : NULL;
	names->found += wanted->name != NULL;
	settle(names, wanted);
}

static void ask(struct names *names, struct wanted *wanted)
{
	if (names->asked++ == 0)
		names->last_answer_ns = names->now_ns;
	name_query_ask(names->query, &wanted->addr, wanted);
}

static struct wanted *dequeue(struct names *names)
{
	struct wanted *wanted = names->queue_first;

	names->queue_first = wanted->next_in_queue;
	if (!names->queue_first)
		names->queue_last = NULL;
	return wanted;
}

static void enqueue(struct names *names, struct wanted *wanted)
{
	if (names->queue_last)
		names->queue_last->next_in_queue = wanted;
	else
		names->queue_first = wanted;
	names->queue_last = wanted;
}

static bool nobody_is_there(const struct names *names)
{
	return names->answers == 0 && names->failures >= FAILURES_DEAD;
}

/* Looks into the hosts file, and asks or queues the rest; the host's event goes on. */
static void take_wanted(struct names *names, struct wanted *wanted)
{
	char name[NAME_BYTES];

	*find(names, wanted->ordinal) = wanted;
	names->waiting++;
	if (name_query_hosts_file(names->query, &wanted->addr, name)) {
		wanted->name = strdup(name);
		names->found++;
		wanted->answered = true;
	} else if (names->asked < MOST_ASKED && !names->queue_first) {
		ask(names, wanted);
	} else {
		enqueue(names, wanted);
	}
	tell_host(names, wanted, wanted->at_ns);
	if (!wanted->answered)
		return;
	names->waiting--;
	if (wanted->swept && wanted->name)
		names->kept++;
	else
		forget(names, wanted);
	names->dead |= nobody_is_there(names);
}

static void take_host(struct names *names, const struct event *event)
{
	struct wanted *wanted = *find(names, event->ordinal);
	bool is_wanted = event->u.host.state == HOST_UP || (names->all && event->u.host.state == HOST_DOWN);
	struct wanted *fresh = NULL;

	if (wanted)
		wanted->host = event->u.host; /* what is told again is the last word on it */
	else if (is_wanted && names->waiting + names->kept < MOST_HELD && start(names))
		fresh = calloc(1, sizeof(*fresh));
	if (!fresh) {
		names->left_out += is_wanted && !wanted;
		deliver(names, event);
		return;
	}
	*fresh = (struct wanted){.ordinal = event->ordinal,
	                         .index = event->index,
	                         .addr = event->addr,
	                         .host = event->u.host,
	                         .at_ns = event->at_ns,
	                         .swept = event->swept};
	take_wanted(names, fresh);
}

/* A sweep's last word: on a host that is up it takes the name along. */
static void take_swept(struct names *names, const struct event *event)
{
	struct wanted *wanted = event->u.swept.host.state == HOST_UP ? *find(names, event->ordinal) : NULL;
	struct event named = *event;

	if (wanted)
		named.u.swept.host.name = wanted->name;
	deliver(names, &named);
	if (!wanted || !wanted->answered)
		return;
	names->kept--;
	forget(names, wanted);
}

void names_take(struct names *names, const struct event *event, int64_t now_ns)
{
	struct wanted *wanted;

	names->now_ns = now_ns;
	if (event->kind == EVENT_HOST) {
		take_host(names, event);
		return;
	}
	if (event->kind == EVENT_SWEPT) {
		take_swept(names, event);
		return;
	}
	wanted = event->kind == EVENT_HOST_DONE && names->waiting > 0 ? *find(names, event->ordinal) : NULL;
	if (!wanted) {
		deliver(names, event);
		return;
	}
	wanted->done = true;
	wanted->done_ns = event->at_ns;
}

void names_give_up(struct names *names)
{
	if (names->asked > 0)
		name_query_cancel(names->query);
	while (names->queue_first) {
		names->left_out++;
		settle(names, dequeue(names));
	}
}

/* Nobody answers: no further host waits for that. */
static void bury(struct names *names, bool costly)
{
	names->dead = true;
	names->costly = costly;
	names_give_up(names);
}

void names_work(struct names *names, int64_t now_ns)
{
	bool look = now_ns >= names->look_ns;

	names->now_ns = now_ns;
	if (names->waiting == 0)
		return;
	if (look)
		names->look_ns = now_ns + LOOK_EVERY_NS;
	name_query_work(names->query, look);
	if (nobody_is_there(names))
		bury(names, now_ns - names->last_answer_ns > LOOK_EVERY_NS);
	else if (names->asked > 0 && now_ns - names->last_answer_ns >= PATIENCE_NS)
		bury(names, true);
	while (names->queue_first && names->asked < MOST_ASKED && !names->dead)
		ask(names, dequeue(names));
}

int64_t names_wake(const struct names *names)
{
	return names->waiting > 0 ? names->look_ns : INT64_MAX;
}

bool names_done(const struct names *names)
{
	return names->waiting == 0;
}

void names_summarise(const struct names *names, struct names_summary *out)
{
	*out = (struct names_summary){
	        .found = names->found,
	        .left_out = names->left_out,
	        .dead = names->dead,
	        .costly = names->costly,
	};
}
