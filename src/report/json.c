/* json.c: JSON lines: one object a line, written as it becomes known, so that a consumer can follow along. */
#include <inttypes.h>
#include <string.h>

#include "text.h"

/* What needs no second look. */
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_.,:;/()"

/* A JSON string of whatever bytes those are: what is not UTF-8 becomes the text \xNN. */
static void print_string(FILE *out, const char *text)
{
	size_t n = strlen(text);

	fputc('"', out);
	if (text[strspn(text, PLAIN)] == '\0') {
		fputs(text, out);
		n = 0;
	}
	while (n > 0) {
		uint32_t code = 0;
		size_t length = utf8_decode(text, n, &code);

		if (length == 0)
			fprintf(out, "\\\\x%02x", (uint8_t)*text);
		else if (code == '"' || code == '\\')
			fprintf(out, "\\%c", (int)code);
		else if (is_plain_character(code) || code > 0xffff)
			fwrite(text, 1, length, out);
		else
			fprintf(out, "\\u%04x", code);
		text += length ? length : 1;
		n -= length ? length : 1;
	}
	fputc('"', out);
}

static void begin_object(FILE *out, const char *type)
{
	fputs("{\"type\":\"", out);
	fputs(type, out);
	fputc('"', out);
}

static void end_object(FILE *out)
{
	fputs("}\n", out);
}

static void put_key(FILE *out, const char *key)
{
	fputs(",\"", out);
	fputs(key, out);
	fputs("\":", out);
}

/* One key and its value; what is not there is left out. */
static void put_string(FILE *out, const char *key, const char *value)
{
	if (!value)
		return;
	put_key(out, key);
	print_string(out, value);
}

static void put_addr(FILE *out, const char *key, const struct addr *addr)
{
	char text[ADDR_TEXT_BYTES];

	if (!addr_is_set(addr))
		return;
	put_key(out, key);
	fputc('"', out);
	fputs(addr_format(addr, text), out);
	fputc('"', out);
}

static void put_number(FILE *out, const char *key, uint64_t value)
{
	char digits[24], *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do
		*--at = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	put_key(out, key);
	fputs(at, out);
}

static void put_decimal(FILE *out, const char *key, int64_t thousandths)
{
	fprintf(out, ",\"%s\":", key);
	print_thousandths(out, thousandths);
}

static void put_rtt(FILE *out, bool has_rtt, int64_t rtt_ns)
{
	if (has_rtt)
		put_number(out, "rtt_us", (uint64_t)nanoseconds_to_us(rtt_ns));
}

static void json_begin(struct report *report, const struct scan_info *info)
{
	FILE *out = report->out;
	char start[TIME_TEXT_BYTES];

	begin_object(out, "scan");
	put_string(out, "version", info->version);
	fputs(",\"args\":[", out);
	for (int i = 0; i < info->argc; i++) {
		if (i > 0)
			fputc(',', out);
		print_string(out, info->argv[i]);
	}
	fputc(']', out);
	put_string(out, "start", time_utc(info->start_wall_ns, start));
	put_string(out, "interface", info->interface);
	put_addr(out, "source", &info->source);
	put_number(out, "seed", info->seed);
	if (shard_is_part(&info->shard))
		fprintf(out, ",\"shard\":\"%" PRIu32 "/%" PRIu32 "\"", info->shard.number, info->shard.count);
	end_object(out);
}

static void print_host(FILE *out, const struct event *event)
{
	const struct host_event *host = &event->u.host;
	char mac[MAC_TEXT_BYTES];

	put_addr(out, "addr", &event->addr);
	put_string(out, "state", host_state_name(host->state));
	put_string(out, "reason", host->reason);
	put_addr(out, "from", &host->from);
	put_rtt(out, host->has_rtt, host->rtt_ns);
	if (host->has_ttl)
		put_number(out, "ttl", host->ttl);
	if (host->has_mac)
		put_string(out, "mac", mac_format(host->mac, mac));
}

/* What is known of a host from elsewhere than the network's answers. The place among all targets lets --merge keep their order. */
static void print_host_names(struct report *report, const struct event *event)
{
	char vendor[VENDOR_TEXT_BYTES];

	if (shard_is_part(&report->info->shard))
		put_number(report->out, "index", event->index);
	put_string(report->out, "name", event->u.host.name);
	put_string(report->out, "vendor", host_vendor(report->info, &event->u.host, vendor));
}

/* "method" as nmap calls it: "probed" means that "service" was read from an answer, not looked up by number. */
static void put_reading(FILE *out, const struct service_reading *reading)
{
	if (!reading)
		return;
	put_string(out, "method", reading->service ? "probed" : NULL);
	put_string(out, "product", reading->product[0] ? reading->product : NULL);
	put_string(out, "version", reading->version[0] ? reading->version : NULL);
	put_string(out, "info", reading->info);
	if (reading->detail_count == 0)
		return;
	fputs(",\"details\":{", out);
	for (size_t i = 0; i < reading->detail_count; i++) {
		fprintf(out, "%s\"%s\":", i ? "," : "", reading->details[i].key);
		print_string(out, reading->text + reading->details[i].at);
	}
	fputc('}', out);
}

static void print_port(FILE *out, const struct event *event)
{
	const struct port_event *port = &event->u.port;

	put_addr(out, "addr", &event->addr);
	put_string(out, "proto", "udp");
	put_number(out, "port", port->port);
	put_string(out, "state", port_state_name(port->state));
	put_string(out, "reason", port->reason);
	put_addr(out, "from", &port->from);
	if (port->from_port)
		put_number(out, "from_port", port->from_port);
	put_string(out, "service", port_service_name(port));
	put_reading(out, port->reading);
	put_rtt(out, port->has_rtt, port->rtt_ns);
	if (port->has_ttl)
		put_number(out, "ttl", port->ttl);
	put_number(out, "probes", port->probes);
}

static void print_limit(FILE *out, const struct event *event)
{
	const struct limit_event *limit = &event->u.limit;
	bool sane = limit->icmp_per_s > 0 && limit->icmp_per_s < 1e12;

	put_addr(out, "addr", &event->addr);
	put_decimal(out, "icmp_per_s", sane ? (int64_t)(limit->icmp_per_s * 1000 + 0.5) : 0);
	if (limit->burst)
		put_number(out, "burst", limit->burst);
}

static void put_fragments(FILE *out, const char *key, enum fragments state)
{
	if (state != FRAGMENTS_UNKNOWN)
		put_string(out, key, fragments_name(state));
}

static void put_bool(FILE *out, const char *key, bool value)
{
	fprintf(out, ",\"%s\":%s", key, value ? "true" : "false");
}

/* The two directions are always told, and "unknown" is what interface consumers look for there; the rest only when known. */
static void print_mtu_line(FILE *out, const struct event *event)
{
	const struct mtu_event *mtu = &event->u.mtu;

	put_addr(out, "addr", &event->addr);
	if (mtu->path_mtu) {
		put_number(out, "path_mtu", mtu->path_mtu);
		put_string(out, "how", mtu_how_name(mtu->how));
		put_addr(out, "from", &mtu->from);
		put_bool(out, "verified", mtu->verified);
	}
	if (mtu->interface_mtu) /* of a capture nobody knows it */
		put_number(out, "interface_mtu", mtu->interface_mtu);
	if (mtu->path_mtu)
		put_bool(out, "black_hole", mtu->black_hole);
	if (mtu->return_mtu)
		put_number(out, "return_mtu", mtu->return_mtu);
	if (mtu->host_mtu)
		put_number(out, "host_mtu", mtu->host_mtu);
	put_string(out, "fragments_to_host", fragments_name(mtu->to_host));
	put_string(out, "fragments_from_host", fragments_name(mtu->from_host));
	put_fragments(out, "fragments_reversed", mtu->reversed);
	put_fragments(out, "fragments_tiny_first", mtu->tiny_first);
	if (mtu->has_reply_df)
		put_bool(out, "reply_df", mtu->reply_df);
	put_string(out, "method", mtu->method);
	if (mtu->probes)
		put_number(out, "probes", mtu->probes);
}

static void print_note(FILE *out, const struct event *event)
{
	const struct note_event *note = &event->u.note;

	put_addr(out, "addr", &event->addr);
	if (note->port)
		put_number(out, "port", note->port);
	put_string(out, "code", note->code);
	put_string(out, "text", note->text);
}

/* The last word of a sweep. Hosts that are up were told when they were found. */
static void print_swept(struct report *report, const struct event *event)
{
	const struct swept_event *swept = &event->u.swept;
	struct event host = *event;
	struct addr last = event->addr;
	FILE *out = report->out;

	if (swept->host.state == HOST_UP)
		return;
	host.kind = EVENT_HOST;
	host.u.host = swept->host;
	if (swept->one_by_one) {
		begin_object(out, "host");
		print_host(out, &host);
		print_host_names(report, &host);
		end_object(out);
		return;
	}
	last = addr_from_v4(addr_v4(&last) + (uint32_t)(swept->count - 1));
	begin_object(out, "range");
	put_addr(out, "first", &event->addr);
	put_addr(out, "last", &last);
	put_number(out, "addresses", swept->count);
	put_string(out, "state", host_state_name(swept->host.state));
	put_string(out, "reason", swept->host.reason);
	put_addr(out, "from", &swept->host.from);
	end_object(out);
}

static void json_event(struct report *report, const struct event *event)
{
	static const struct {
		const char *type;
		void (*print)(FILE *out, const struct event *event);
	} lines[] = {
	        [EVENT_HOST] = {"host", print_host},    [EVENT_PORT] = {"port", print_port},
	        [EVENT_LIMIT] = {"limit", print_limit}, [EVENT_NOTE] = {"note", print_note},
	        [EVENT_HOST_DONE] = {NULL, NULL},       [EVENT_SWEPT] = {NULL, NULL},
	        [EVENT_MTU] = {"mtu", print_mtu_line},
	};

	if (event->kind == EVENT_SWEPT)
		print_swept(report, event);
	if (!lines[event->kind].type)
		return;
	begin_object(report->out, lines[event->kind].type);
	lines[event->kind].print(report->out, event);
	if (event->kind == EVENT_HOST)
		print_host_names(report, event);
	end_object(report->out);
}

static void put_time(struct report *report, const char *key, int64_t at_ns)
{
	char text[TIME_TEXT_BYTES];

	put_string(report->out, key, time_utc(at_ns - report->info->start_ns + report->info->start_wall_ns, text));
}

static void json_change(struct report *report, const struct watch_change *change)
{
	FILE *out = report->out;

	begin_object(out, "change");
	put_time(report, "at", change->at_ns);
	put_addr(out, "addr", &change->addr);
	if (change->is_port) {
		put_string(out, "proto", "udp");
		put_number(out, "port", change->port);
	}
	put_string(out, "from", change->from);
	put_string(out, "to", change->to);
	put_string(out, "reason", change->reason);
	put_rtt(out, change->has_rtt, change->rtt_ns);
	if (change->lasted_ns >= 0)
		put_decimal(out, "after_s", (change->lasted_ns + 500000) / 1000000);
	put_number(out, "round", change->round);
	end_object(out);
}

static void json_round(struct report *report, const struct round_report *round)
{
	FILE *out = report->out;

	begin_object(out, "round");
	put_number(out, "round", round->what.number);
	put_time(report, "at", round->at_ns);
	put_number(out, "hosts_up", round->what.up);
	put_number(out, "hosts_down", round->what.down);
	put_number(out, "hosts_unknown", round->what.unknown);
	put_number(out, "changes", round->what.changes);
	put_decimal(out, "elapsed_s", (round->took_ns + 500000) / 1000000);
	fprintf(out, ",\"late\":%s", round->took_ns > round->every_ns ? "true" : "false");
	fprintf(out, ",\"sound\":%s", round->sound ? "true" : "false");
	end_object(out);
}

static void json_watched(struct report *report, const struct watched *target)
{
	FILE *out = report->out;

	begin_object(out, "uptime");
	put_addr(out, "addr", &target->addr);
	put_string(out, "state", host_state_name((enum host_state)target->state));
	if (target->rounds_known > 0)
		put_decimal(out, "up_percent", (int64_t)(target->rounds_up * 100000 / target->rounds_known));
	put_number(out, "rounds", target->rounds_known);
	put_number(out, "rounds_up", target->rounds_up);
	put_number(out, "changes", target->changes);
	if (target->changes > 0)
		put_time(report, "last_change", target->since_ns);
	end_object(out);
}

static void json_end(struct report *report, const struct scan_summary *summary, const struct addr_ranges *down)
{
	FILE *out = report->out;

	(void)down;
	begin_object(out, "summary");
	put_number(out, "hosts_up", summary->hosts_up);
	put_number(out, "hosts_down", summary->hosts_down);
	put_number(out, "hosts_unknown", summary->hosts_unknown);
	put_decimal(out, "elapsed_s", (summary->elapsed_ns + 500000) / 1000000);
	put_number(out, "sent", summary->sent);
	put_number(out, "received", summary->received);
	put_number(out, "rejected", summary->rejected);
	put_number(out, "send_errors", summary->send_errors);
	put_string(out, "send_error", summary->send_error_text);
	put_number(out, "kernel_drops", summary->kernel_drops);
	fprintf(out, ",\"partial\":%s", summary->partial ? "true" : "false");
	put_string(out, "why", summary->partial ? summary->partial_why : NULL);
	put_string(out, "note", summary->note);
	end_object(out);
}

const struct report_format report_json = {
        .name = "json",
        .suffix = "jsonl",
        .begin = json_begin,
        .event = json_event,
        .change = json_change,
        .round = json_round,
        .watched = json_watched,
        .end = json_end,
};
