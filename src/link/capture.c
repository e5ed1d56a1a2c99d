/* capture.c: receiving with libpcap on one interface. */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct capture {
	pcap_t *pcap;
	int interface_index;
	uint32_t strip_bytes; /* header to take off, so that all frames of an interface have the same shape */
	captured_handler *handler;
	void *context;
};

/* What libpcap may give us for an interface of that kind. */
struct link_type {
	int dlt;
	enum link_kind kind;
	enum filter_shape shape;
	uint32_t strip_bytes;
};

static const struct link_type link_types[] = {
        {DLT_EN10MB, LINK_ETHERNET, FILTER_ETHERNET, 0},
        {DLT_EN10MB, LINK_RAW_IP, FILTER_ETHERNET, 14}, /* loopback: an empty Ethernet header */
        {DLT_RAW, LINK_RAW_IP, FILTER_RAW_IP, 0},
        {DLT_IPV4, LINK_RAW_IP, FILTER_RAW_IP, 0},
        {DLT_LINUX_SLL, LINK_RAW_IP, FILTER_COOKED, 16}, /* ppp and some tunnels */
};

static const struct link_type *find_link_type(int dlt, enum link_kind kind)
{
	for (size_t i = 0; i < sizeof(link_types) / sizeof(link_types[0]); i++)
		if (link_types[i].dlt == dlt && link_types[i].kind == kind)
			return &link_types[i];
	return NULL;
}

static bool set_filter(pcap_t *pcap, enum filter_shape shape, const uint16_t *ports, size_t port_count)
{
	static const int on = 1;
	struct filter filter;
	struct bpf_insn code[FILTER_MAX];
	struct bpf_program program = {.bf_insns = code};

	filter_make(&filter, shape, ports, port_count);
	program.bf_len = (unsigned)filter.count;
	for (size_t i = 0; i < filter.count; i++) {
		const struct sock_filter *insn = &filter.code[i];

		code[i] = (struct bpf_insn){.code = insn->code, .jt = insn->jt, .jf = insn->jf, .k = insn->k};
	}
	/* Our own packets would fill the ring while we send. The kernel can leave them out (Linux 4.20), libpcap can
	 * only throw them away. */
	setsockopt(pcap_fileno(pcap), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	return pcap_setdirection(pcap, PCAP_D_IN) == 0 && pcap_setfilter(pcap, &program) == 0;
}

static pcap_t *activate(const char *name, int buffer_bytes, char errbuf[PCAP_ERRBUF_SIZE])
{
	pcap_t *pcap = pcap_create(name, errbuf);

	if (!pcap)
		return NULL;
	pcap_set_snaplen(pcap, CAPTURE_BYTES);
	pcap_set_promisc(pcap, 0);
	pcap_set_immediate_mode(pcap, 1);
	pcap_set_buffer_size(pcap, buffer_bytes);
	pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
	/* Above 0 are warnings (no such time stamps, no promiscuous mode) that do not matter here. */
	if (pcap_activate(pcap) < 0 || pcap_setnonblock(pcap, 1, errbuf) != 0) {
		if (*pcap_geterr(pcap))
			snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(pcap));
		pcap_close(pcap);
		return NULL;
	}
	return pcap;
}

struct capture *capture_open(const struct capture_options *options, struct err *err)
{
	const struct interface *interface = options->interface;
	char errbuf[PCAP_ERRBUF_SIZE] = "";
	const struct link_type *type;
	struct capture *capture = calloc(1, sizeof(*capture));

	if (!capture) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	capture->interface_index = interface->index;
	capture->pcap = activate(interface->name, options->buffer_bytes, errbuf);
	if (!capture->pcap) {
		err_set(err, ERR_SYSTEM, "cannot capture on interface %s: %.200s", interface->name, errbuf);
		free(capture);
		return NULL;
	}
	type = find_link_type(pcap_datalink(capture->pcap), interface->kind);
	if (!type) {
		const char *dlt = pcap_datalink_val_to_name(pcap_datalink(capture->pcap));

		err_set(err, ERR_SYSTEM, "interface %s: its link type (%s) is not supported: choose another with -e",
		        interface->name, dlt ? dlt : "unknown");
		capture_close(capture);
		return NULL;
	}
	capture->strip_bytes = type->strip_bytes;
	if (!set_filter(capture->pcap, type->shape, options->ports, options->port_count)) {
		err_set(err, ERR_SYSTEM, "cannot set the capture filter on interface %s: %.200s", interface->name,
		        pcap_geterr(capture->pcap));
		capture_close(capture);
		return NULL;
	}
	return capture;
}

void capture_close(struct capture *capture)
{
	if (!capture)
		return;
	pcap_close(capture->pcap);
	free(capture);
}

int capture_fd(const struct capture *capture)
{
	return pcap_get_selectable_fd(capture->pcap);
}

bool capture_is_down(const struct capture *capture)
{
	/* libpcap asks for regular calls from the moment that the kernel reported the interface down. */
	return pcap_get_required_select_timeout(capture->pcap) != NULL;
}

static void take(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
	struct capture *capture = (struct capture *)(void *)user;
	uint32_t strip = capture->strip_bytes;
	/* In nanosecond precision tv_usec counts nanoseconds. */
	int64_t wall_ns = (int64_t)header->ts.tv_sec * SECOND_NS + header->ts.tv_usec;

	if (header->caplen >= strip && header->len >= strip)
		capture->handler(capture->context, wall_ns, bytes + strip, header->caplen - strip, header->len - strip);
}

enum capture_state capture_read(struct capture *capture, int limit, captured_handler *handler, void *context)
{
	char name[IF_NAMESIZE];
	int count;

	capture->handler = handler;
	capture->context = context;
	count = pcap_dispatch(capture->pcap, limit, take, (u_char *)capture);
	if (count >= 0)
		return count < limit ? CAPTURE_EMPTY : CAPTURE_MORE;
	/* Whatever else libpcap complains about, a network that comes back is worth waiting for. */
	return if_indextoname((unsigned)capture->interface_index, name) ? CAPTURE_EMPTY : CAPTURE_GONE;
}

uint64_t capture_drops(struct capture *capture)
{
	struct pcap_stat stat;

	return pcap_stats(capture->pcap, &stat) == 0 ? stat.ps_drop : 0;
}
