/* A driver for libpurple 2.14 and its protocol SIMPLE. Offline is logged out. */
#include <glib.h>
#include <purple.h>
#include <resolv.h>

#include "../driver.h"

static struct account account;
static PurpleAccount *self;
static GMainLoop *loop;

/*
 * libpurple asks the DNS for SRV records of the proxy's address, even if it
 * is a number. Nothing may leave the loopback, so the question ends here.
 */
int res_query(const char *name, int class, int type, unsigned char *answer, int length)
{
	(void)name;
	(void)class;
	(void)type;
	(void)answer;
	(void)length;
	return -1;
}

/* The event loop: libpurple's conditions on top of GLib's. */
struct watch {
	PurpleInputFunction function;
	gpointer data;
};

static gboolean on_ready(GIOChannel *channel, GIOCondition condition, gpointer data)
{
	struct watch *w = data;
	PurpleInputCondition c = 0;

	if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR))
		c |= PURPLE_INPUT_READ;
	if (condition & (G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL))
		c |= PURPLE_INPUT_WRITE;
	w->function(w->data, g_io_channel_unix_get_fd(channel), c);
	return TRUE;
}

static guint add_input(int fd, PurpleInputCondition condition, PurpleInputFunction function, gpointer data)
{
	struct watch *w = g_new0(struct watch, 1);
	GIOChannel *channel = g_io_channel_unix_new(fd);
	GIOCondition c = 0;
	guint id;

	w->function = function;
	w->data = data;
	if (condition & PURPLE_INPUT_READ)
		c |= G_IO_IN | G_IO_HUP | G_IO_ERR;
	if (condition & PURPLE_INPUT_WRITE)
		c |= G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL;
	id = g_io_add_watch_full(channel, G_PRIORITY_DEFAULT, c, on_ready, w, g_free);
	g_io_channel_unref(channel);
	return id;
}

static PurpleEventLoopUiOps event_loop = {
	.timeout_add = g_timeout_add,
	.timeout_remove = g_source_remove,
	.input_add = add_input,
	.input_remove = g_source_remove,
	.timeout_add_seconds = g_timeout_add_seconds,
};

static void on_signed_on(PurpleConnection *connection)
{
	(void)connection;
	news("registered");
}

static void on_signed_off(PurpleConnection *connection)
{
	(void)connection;
	news("unregistered");
	/* Who is logged out sees nobody; libpurple has no signal for that. */
	news("sees %s closed", account.buddy);
}

static void on_error(PurpleConnection *connection, PurpleConnectionError error, const char *text)
{
	(void)connection;
	(void)error;
	news("failed %s", text);
}

static void tell_buddy(PurpleBuddy *buddy)
{
	news("sees %s %s", account.buddy, PURPLE_BUDDY_IS_ONLINE(buddy) ? "open" : "closed");
}

static void on_message(PurpleAccount *a, char *sender, char *message, PurpleConversation *c, PurpleMessageFlags flags)
{
	char *text = purple_unescape_html(message);
	(void)a;
	(void)sender;
	(void)c;
	(void)flags;
	news("got %s", text);
	g_free(text);
}

static void connect_signals(void)
{
	static int handle;

	purple_signal_connect(purple_connections_get_handle(), "signed-on", &handle, PURPLE_CALLBACK(on_signed_on), NULL);
	purple_signal_connect(purple_connections_get_handle(), "signed-off", &handle, PURPLE_CALLBACK(on_signed_off), NULL);
	purple_signal_connect(purple_connections_get_handle(), "connection-error", &handle, PURPLE_CALLBACK(on_error), NULL);
	purple_signal_connect(purple_blist_get_handle(), "buddy-signed-on", &handle, PURPLE_CALLBACK(tell_buddy), NULL);
	purple_signal_connect(purple_blist_get_handle(), "buddy-signed-off", &handle, PURPLE_CALLBACK(tell_buddy), NULL);
	purple_signal_connect(purple_conversations_get_handle(), "received-im-msg", &handle, PURPLE_CALLBACK(on_message), NULL);
}

static void handle(const char *word, char *argument)
{
	PurpleConnection *connection = purple_account_get_connection(self);

	if (strcmp(word, "online") == 0) {
		purple_account_set_enabled(self, "driver", TRUE);
		if (purple_account_is_disconnected(self))
			purple_account_connect(self);
	} else if (strcmp(word, "offline") == 0) {
		purple_account_disconnect(self);
	} else if (strcmp(word, "send") == 0) {
		char *text = g_markup_escape_text(cut(argument), -1);
		if (connection == NULL)
			news("failed not connected");
		else if (serv_send_im(connection, argument, text, PURPLE_MESSAGE_SEND) < 0)
			news("failed the message was refused");
		g_free(text);
	} else if (strcmp(word, "quit") == 0) {
		g_main_loop_quit(loop);
	}
}

static gboolean on_input(GIOChannel *channel, GIOCondition condition, gpointer data)
{
	(void)channel;
	(void)condition;
	(void)data;
	if (read_orders(handle))
		return TRUE;
	g_main_loop_quit(loop);
	return FALSE;
}

static void start_core(void)
{
	purple_util_set_user_dir(account.folder);
	purple_debug_set_enabled(TRUE);
	purple_eventloop_set_ui_ops(&event_loop);
	if (!purple_core_init("driver")) {
		news("failed libpurple does not start");
		exit(1);
	}
	purple_set_blist(purple_blist_new());
	purple_prefs_set_bool("/purple/network/auto_ip", FALSE);
	purple_network_set_public_ip(account.local_host);
	purple_prefs_set_bool("/purple/network/map_ports", FALSE);
	/* It would take 5060 even where somebody else has it. */
	purple_prefs_set_bool("/purple/network/ports_range_use", TRUE);
	purple_prefs_set_int("/purple/network/ports_range_start", account.local_port);
	purple_prefs_set_int("/purple/network/ports_range_end", account.local_port);
}

static void add_account(void)
{
	char *name = g_strdup_printf("%s@%s", account.user, account.domain);
	PurpleBuddy *buddy;

	self = purple_account_new(name, "prpl-simple");
	purple_account_set_password(self, account.password);
	/* Otherwise it forgets the password when it logs out. */
	purple_account_set_remember_password(self, TRUE);
	purple_account_set_bool(self, "useproxy", TRUE);
	purple_account_set_string(self, "proxy", account.proxy_host);
	purple_account_set_int(self, "port", account.proxy_port);
	purple_account_set_bool(self, "udp", strcmp(account.transport, "udp") == 0);
	purple_account_set_bool(self, "dopublish", TRUE);
	purple_accounts_add(self);
	buddy = purple_buddy_new(self, account.buddy, NULL);
	purple_blist_add_buddy(buddy, NULL, NULL, NULL);
	purple_account_set_enabled(self, "driver", TRUE);
	g_free(name);
}

int main(int argc, char **argv)
{
	GIOChannel *input;

	account = driver_begin(argc, argv);
	loop = g_main_loop_new(NULL, FALSE);
	start_core();
	connect_signals();
	add_account();
	purple_savedstatus_activate(purple_savedstatus_get_startup());
	input = g_io_channel_unix_new(STDIN_FILENO);
	g_io_add_watch(input, G_IO_IN | G_IO_HUP, on_input, NULL);
	g_main_loop_run(loop);
	purple_core_quit();
	return 0;
}
