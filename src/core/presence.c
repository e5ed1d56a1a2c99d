/* presence.c: whether a host that was up is still there while its ports are asked: it may be unplugged, reboot, or be walled off.
 *
 * The silence of a host that is not there proves nothing. When nothing has come from it for a while it is asked what it answered
 * when it was found. If that stays unanswered, it is away: the questions about its ports all but stop, and when it is back those not
 * settled are begun anew, for what was silent meanwhile says nothing, and its limit may be another one. A host that stays away is
 * given up: what is not known about it is unknown. */
#include "internal.h"

enum {
	QUIET_MS = 1500, /* without a word, then it is asked whether it is there: most limits give an error a second */
	QUIET_UNASKED_MS = 10000, /* where nothing but its ports can be asked */
	MOST_QUIET_MS = 60000,    /* that time doubles with each answer, up to this */
	FEWEST_ASKS = 10,         /* unanswered ones, before silence is worth a question */
	FIRST_CHECK_MS = 250,     /* until the question is repeated, doubling, ... */
	CHECK_EVERY_MS = 5000,    /* ... up to this */
	CHECKS_LOST = 2, /* in a row that loss may explain: until then it is asked as ever; pauses spoil proofs */
	PULSE_MS = 250,  /* after each question its ports have so long: it may answer them and nothing else */
	AWAY_MS = 5 * 60 * 1000,   /* then it is given up: a machine has started again by then */
	STUCK_MS = 10 * 60 * 1000, /* it is there, and nothing has come from its ports for so long, ... */
	STUCK_ASKS = 100,          /* ... however often they were asked, ... */
	STUCK_CHECKS = 8,          /* ... and it said so often that it is there */
	RESTS_AFTER_MS = 30000,    /* of silence; then between two groups of asks the ports are left alone for ... */
	REST_PARTS = 16,           /* ... this part of the silence, ... */
	MOST_REST_MS = 15000,      /* ... this at most */
	TIMES_THE_GAP = 4,         /* where nothing else can be asked, the gaps between its errors say what is long */
};

/* The question that can be asked again. */
static enum probe_kind found_by(const struct reply *found)
{
	switch (found ? found->kind : REPLY_NONE) {
	case REPLY_ARP:
		return PROBE_ARP;
	case REPLY_ECHO:
		return PROBE_ECHO;
	case REPLY_TIMESTAMP:
		return PROBE_TIMESTAMP;
	default:
		return PROBE_UDP;
	}
}

static bool can_be_asked(const struct presence *presence)
{
	return presence->found_by != PROBE_UDP;
}

/* Its silence would mean something: it can be asked, or a port is known to refuse. */
static bool says_something(const struct host *host)
{
	return can_be_asked(&host->presence) || host->scan->sentinel != NO_INDEX;
}

static bool is_away(const struct presence *presence)
{
	return presence->checking && presence->checks > CHECKS_LOST;
}

void presence_init(struct presence *presence, const struct reply *found, int64_t now_ns)
{
	*presence = (struct presence){
	        .found_by = found_by(found),
	        .is_known = found != NULL,
	        .heard_ns = now_ns,
	        .ports_heard_ns = now_ns,
	};
	presence->quiet_ns = (can_be_asked(presence) ? QUIET_MS : QUIET_UNASKED_MS) * MS;
}

void presence_asked(struct presence *presence)
{
	presence->asked++;
	presence->asked_in_all++;
}

int64_t presence_rest(const struct presence *presence, int64_t now_ns)
{
	int64_t silent_ns = now_ns - presence->ports_heard_ns;

	if (silent_ns < RESTS_AFTER_MS * MS)
		return 0;
	return silent_ns / REST_PARTS < MOST_REST_MS * MS ? silent_ns / REST_PARTS : MOST_REST_MS * MS;
}

static void port_heard(struct presence *presence, int64_t at_ns)
{
	int64_t gap_ns = at_ns - presence->ports_heard_ns;

	presence->ports_heard_ns = at_ns;
	presence->asked_in_all = presence->answered = 0;
	if (can_be_asked(presence))
		presence->quiet_ns = QUIET_MS * MS;
	else if (presence->quiet_ns < TIMES_THE_GAP * gap_ns)
		presence->quiet_ns = TIMES_THE_GAP * gap_ns;
}

/* What comes from a port may have been on its way when the router spoke up; where nothing else can be asked, what comes after a
 * pause has to do. */
static bool may_predate_doubt(const struct presence *presence, int64_t at_ns)
{
	return presence->doubted && (can_be_asked(presence) || at_ns < presence->checking_ns + FIRST_CHECK_MS * MS);
}

void presence_heard(struct engine *e, struct host *host, bool from_port, int64_t at_ns)
{
	struct presence *presence = &host->presence;

	if (host->stage != HOST_PORTS)
		return;
	presence->is_known = true;
	presence->heard_ns = at_ns;
	presence->asked = 0;
	if (from_port)
		port_heard(presence, at_ns);
	if (!presence->checking || (from_port && may_predate_doubt(presence, at_ns)))
		return;
	if (is_away(presence))
		portscan_restart(host->scan, at_ns);
	else /* a router that says that there is no way to the host, while the host answers, refuses on purpose */
		presence->router_rejects = presence->doubted;
	presence->doubted = presence->checking = false;
	presence->answered++;
	if (!from_port && presence->quiet_ns < MOST_QUIET_MS * MS)
		presence->quiet_ns *= 2;
	host_set_wake(e, host, at_ns);
}

static void begin_checks(struct presence *presence, int64_t now_ns)
{
	presence->checking = true;
	presence->checking_ns = presence->check_ns = now_ns;
	presence->checks = 0;
}

bool presence_confirmed(struct host *host, int64_t since_ns, int64_t now_ns)
{
	struct presence *presence = &host->presence;

	if (!can_be_asked(presence) || presence->heard_ns >= since_ns)
		return true;
	if (!presence->checking)
		begin_checks(presence, now_ns);
	return false;
}

bool presence_doubts(struct engine *e, struct host *host, int64_t at_ns)
{
	struct presence *presence = &host->presence;

	if (!presence->is_known || presence->router_rejects)
		return false;
	presence->doubted = true;
	if (!presence->checking) {
		begin_checks(presence, at_ns);
		host_set_wake(e, host, at_ns);
	}
	return true;
}

bool presence_is_check(const struct host *host, uint16_t attempt)
{
	return host->presence.first_check > 0 && attempt >= host->presence.first_check;
}

/* The question that it answered when it was found. */
static void make_check(struct engine *e, struct host *host, int64_t now_ns, struct probe *out)
{
	struct presence *presence = &host->presence;
	struct ask ask = {presence->found_by, host->path.source, host->addr, 0, host->round, 0};

	if (presence->first_check == 0)
		presence->first_check = host->round;
	host->round++;
	host->sent_at_ns[presence->found_by] = now_ns;
	fill_probe(e, host, &ask, cookie_make(e, host, UINT32_C(1) << 31 | presence->found_by), out);
}

static int64_t check_pause(const struct presence *presence)
{
	int64_t pause_ns = FIRST_CHECK_MS * MS;

	for (uint16_t i = 1; i < presence->checks && pause_ns < CHECK_EVERY_MS * MS; i++)
		pause_ns *= 2;
	return pause_ns < CHECK_EVERY_MS * MS ? pause_ns : CHECK_EVERY_MS * MS;
}

static bool is_stuck(const struct presence *presence, int64_t now_ns)
{
	return now_ns - presence->ports_heard_ns >= STUCK_MS * MS && presence->asked_in_all >= STUCK_ASKS &&
	       presence->answered >= STUCK_CHECKS;
}

enum presence_turn presence_next(struct engine *e, struct host *host, int64_t now_ns, struct probe *out,
                                 int64_t *wake_ns)
{
	struct presence *presence = &host->presence;

	if (!presence->checking) {
		if (is_stuck(presence, now_ns))
			return PRESENCE_STUCK;
		if (presence->asked < FEWEST_ASKS || !says_something(host))
			return PRESENCE_ASK_PORTS;
		*wake_ns = presence->heard_ns + presence->quiet_ns;
		if (now_ns < *wake_ns)
			return PRESENCE_ASK_PORTS;
		begin_checks(presence, now_ns);
	}
	if (now_ns - presence->checking_ns >= AWAY_MS * MS)
		return PRESENCE_GIVEN_UP;
	if (now_ns >= presence->check_ns) {
		presence->checks++;
		presence->checked_ns = now_ns;
		presence->check_ns = now_ns + check_pause(presence);
		if (can_be_asked(presence)) {
			make_check(e, host, now_ns, out);
			return PRESENCE_CHECKS;
		}
	}
	*wake_ns = presence->check_ns;
	return is_away(presence) && now_ns >= presence->checked_ns + PULSE_MS * MS ? PRESENCE_WAITS
	                                                                           : PRESENCE_ASK_PORTS;
}
