/* A driver for liblinphone 5.1, whose console client cannot publish. */
#include <linphone/core.h>
#include <poll.h>

#include "../driver.h"

static struct account account;
static LinphoneCore *core;
static int running = 1;
static int published;    /* the last PUBLISH has its 200 */
static int goes_offline; /* as soon as that is so */

static void on_registration(LinphoneCore *lc, LinphoneAccount *a,
			    LinphoneRegistrationState state, const char *message)
{
	(void)lc;
	(void)a;
	if (state == LinphoneRegistrationOk)
		news("registered");
	else if (state == LinphoneRegistrationFailed)
		news("unregistered %s", message);
}

/* shown is what its user would read: whether anything is open, and why not to disturb. */
static const char *shown(const LinphonePresenceModel *model)
{
	LinphonePresenceActivity *activity = linphone_presence_model_get_activity(model);

	if (linphone_presence_model_get_basic_status(model) != LinphonePresenceBasicStatusOpen)
		return "closed";
	if (activity != NULL) {
		switch (linphone_presence_activity_get_type(activity)) {
		case LinphonePresenceActivityBusy:
			return "busy";
		case LinphonePresenceActivityAway:
			return "away";
		default:
			break;
		}
	}
	return "open";
}

static void on_presence(LinphoneCore *lc, LinphoneFriend *friend)
{
	const LinphonePresenceModel *model = linphone_friend_get_presence_model(friend);
	(void)lc;
	if (model == NULL)
		return;
	news("sees %s %s", account.buddy, shown(model));
}

static void on_message(LinphoneCore *lc, LinphoneChatRoom *room, LinphoneChatMessage *message)
{
	const char *text = linphone_chat_message_get_utf8_text(message);
	(void)lc;
	(void)room;
	if (text != NULL)
		news("got %s", text);
}

static void on_message_state(LinphoneChatMessage *message, LinphoneChatMessageState state)
{
	(void)message;
	if (state == LinphoneChatMessageStateNotDelivered)
		news("failed message not delivered");
}

/*
 * While a PUBLISH is under way it cannot be withdrawn: liblinphone forgets it
 * without an un-PUBLISH, and the state stays open until it expires.
 */
static void on_log(LinphoneLoggingService *service, const char *domain, LinphoneLogLevel level, const char *message)
{
	(void)service;
	(void)level;
	fprintf(stderr, "%s: %s\n", domain, message);
	/* There is no callback for the PUBLISH of an account. */
	if (strstr(message, "to publish state ") != NULL)
		published = strstr(message, "to publish state LinphonePublishOk") != NULL;
}

static void go_offline(void)
{
	if (!goes_offline || !published)
		return;
	goes_offline = 0;
	linphone_core_set_consolidated_presence(core, LinphoneConsolidatedPresenceOffline);
}

static void publish_activity(LinphonePresenceActivityType type)
{
	LinphonePresenceModel *model = linphone_core_create_presence_model_with_activity(core, type, NULL);

	linphone_core_set_presence_model(core, model);
	linphone_presence_model_unref(model);
}

static void send_text(const char *to, const char *text)
{
	LinphoneAddress *peer = linphone_factory_create_address(linphone_factory_get(), to);
	LinphoneChatRoomParams *params = linphone_core_create_default_chat_room_params(core);
	LinphoneChatRoom *room;
	LinphoneChatMessage *message;
	LinphoneChatMessageCbs *callbacks;
	bctbx_list_t *participants = bctbx_list_append(NULL, peer);

	linphone_chat_room_params_set_backend(params, LinphoneChatRoomBackendBasic);
	room = linphone_core_search_chat_room(core, params, NULL, peer, participants);
	if (room == NULL)
		room = linphone_core_create_chat_room_6(core, params, NULL, participants);
	if (room == NULL) {
		news("failed no chat room");
		return;
	}
	message = linphone_chat_room_create_message_from_utf8(room, text);
	callbacks = linphone_factory_create_chat_message_cbs(linphone_factory_get());
	linphone_chat_message_cbs_set_msg_state_changed(callbacks, on_message_state);
	linphone_chat_message_add_callbacks(message, callbacks);
	linphone_chat_message_send(message);
}

static void handle(const char *word, char *argument)
{
	if (strcmp(word, "online") == 0) {
		/*
		 * It publishes open by itself when it has registered. Said again,
		 * it sends a second PUBLISH, and an un-PUBLISH during that one
		 * carries the entity-tag which that one replaces: 412, and the
		 * state stays open until it expires.
		 */
		if (linphone_core_get_consolidated_presence(core) != LinphoneConsolidatedPresenceOnline)
			linphone_core_set_consolidated_presence(core, LinphoneConsolidatedPresenceOnline);
	} else if (strcmp(word, "offline") == 0) {
		goes_offline = 1;
	} else if (strcmp(word, "busy") == 0) {
		publish_activity(LinphonePresenceActivityBusy);
	} else if (strcmp(word, "away") == 0) {
		publish_activity(LinphonePresenceActivityAway);
	} else if (strcmp(word, "send") == 0) {
		char *text = cut(argument);
		send_text(argument, text);
	} else if (strcmp(word, "quit") == 0) {
		running = 0;
	}
}

/* create_core makes a core that listens on one port of one transport. */
static void create_core(void)
{
	LinphoneFactory *factory = linphone_factory_get();
	LinphoneCoreCbs *callbacks = linphone_factory_create_core_cbs(factory);
	LinphoneLoggingServiceCbs *log = linphone_factory_create_logging_service_cbs(factory);
	LinphoneTransports *ports = linphone_factory_create_transports(factory);
	int tcp = strcmp(account.transport, "tcp") == 0;

	linphone_logging_service_set_log_level(linphone_logging_service_get(), LinphoneLogLevelMessage);
	linphone_logging_service_cbs_set_log_message_written(log, on_log);
	linphone_logging_service_add_callbacks(linphone_logging_service_get(), log);
	linphone_factory_set_config_dir(factory, account.folder);
	linphone_factory_set_data_dir(factory, account.folder);
	core = linphone_factory_create_core_3(factory, NULL, NULL, NULL);
	linphone_core_enable_ipv6(core, FALSE);
	linphone_core_enable_dns_srv(core, FALSE);
	linphone_core_enable_lime_x3dh(core, FALSE);
	linphone_transports_set_udp_port(ports, tcp ? 0 : account.local_port);
	linphone_transports_set_tcp_port(ports, tcp ? account.local_port : 0);
	linphone_transports_set_tls_port(ports, 0);
	linphone_core_set_transports(core, ports);
	linphone_core_cbs_set_account_registration_state_changed(callbacks, on_registration);
	linphone_core_cbs_set_notify_presence_received(callbacks, on_presence);
	linphone_core_cbs_set_message_received(callbacks, on_message);
	linphone_core_add_callbacks(core, callbacks);
	if (linphone_core_start(core) != 0) {
		news("failed core does not start");
		exit(1);
	}
	linphone_core_set_network_reachable(core, TRUE);
}

static void add_account(void)
{
	char identity[256], proxy[256];
	LinphoneAddress *address;
	LinphoneAccountParams *params = linphone_core_create_account_params(core);
	LinphoneAccount *a;

	snprintf(identity, sizeof identity, "sip:%s@%s", account.user, account.domain);
	snprintf(proxy, sizeof proxy, "<sip:%s:%d;transport=%s>", account.proxy_host,
		 account.proxy_port, account.transport);
	linphone_core_add_auth_info(core,
		linphone_factory_create_auth_info(linphone_factory_get(), account.user, NULL,
						  account.password, NULL, NULL, NULL));
	address = linphone_factory_create_address(linphone_factory_get(), identity);
	linphone_account_params_set_identity_address(params, address);
	address = linphone_factory_create_address(linphone_factory_get(), proxy);
	linphone_account_params_set_server_address(params, address);
	linphone_account_params_set_outbound_proxy_enabled(params, TRUE);
	linphone_account_params_set_register_enabled(params, TRUE);
	linphone_account_params_set_publish_enabled(params, TRUE);
	linphone_account_params_set_publish_expires(params, 600);
	a = linphone_core_create_account(core, params);
	linphone_core_add_account(core, a);
	linphone_core_set_default_account(core, a);
}

static void watch_buddy(void)
{
	LinphoneFriendList *list = linphone_core_get_default_friend_list(core);
	LinphoneFriend *friend = linphone_core_create_friend_with_address(core, account.buddy);

	linphone_friend_enable_subscribes(friend, TRUE);
	linphone_friend_set_inc_subscribe_policy(friend, LinphoneSPAccept);
	linphone_friend_list_add_friend(list, friend);
	linphone_friend_list_enable_subscriptions(list, TRUE);
	linphone_friend_list_update_subscriptions(list);
}

int main(int argc, char **argv)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	account = driver_begin(argc, argv);
	create_core();
	add_account();
	watch_buddy();
	while (running) {
		linphone_core_iterate(core);
		/* 20 ms is the pace that the library asks for. */
		if (poll(&input, 1, 20) > 0 && !read_orders(handle))
			break;
		go_offline();
	}
	linphone_core_stop(core);
	linphone_core_unref(core);
	return 0;
}
