/*
 * A driver for telepathy-rakia 0.8 (Sofia-SIP) over D-Bus. It starts itself
 * again under dbus-run-session, so that it has a bus of its own. Rakia
 * registers and sends messages; it knows no presence.
 */
#include <gio/gio.h>

#include "../driver.h"

#define TP "org.freedesktop.Telepathy."
#define MANAGER TP "ConnectionManager.sofiasip"
#define MANAGER_PATH "/org/freedesktop/Telepathy/ConnectionManager/sofiasip"
#define CALL_TIMEOUT 10000 /* ms */

static struct account account;
static GDBusConnection *bus;
static GMainLoop *loop;
static char *name, *path; /* of the Telepathy connection */

static GVariant *call(const char *object, const char *interface, const char *method, GVariant *arguments)
{
	GError *error = NULL;
	GVariant *reply = g_dbus_connection_call_sync(bus, name != NULL ? name : MANAGER, object, interface, method,
						      arguments, NULL, G_DBUS_CALL_FLAGS_NONE, CALL_TIMEOUT, NULL, &error);
	if (reply == NULL) {
		news("failed %s: %s", method, error->message);
		g_error_free(error);
	}
	return reply;
}

static void add(GVariantBuilder *b, const char *key, GVariant *value)
{
	g_variant_builder_add(b, "{sv}", key, value);
}

static void request_connection(void)
{
	GVariantBuilder b;
	GVariant *reply;
	char *aor = g_strdup_printf("%s@%s", account.user, account.domain);

	g_variant_builder_init(&b, G_VARIANT_TYPE("a{sv}"));
	add(&b, "account", g_variant_new_string(aor));
	add(&b, "password", g_variant_new_string(account.password));
	add(&b, "proxy-host", g_variant_new_string(account.proxy_host));
	add(&b, "port", g_variant_new_uint16((guint16)account.proxy_port));
	add(&b, "transport", g_variant_new_string(account.transport));
	add(&b, "local-ip-address", g_variant_new_string("127.0.0.1"));
	add(&b, "local-port", g_variant_new_uint16((guint16)account.local_port));
	add(&b, "discover-stun", g_variant_new_boolean(FALSE));
	add(&b, "discover-binding", g_variant_new_boolean(FALSE));
	add(&b, "keepalive-mechanism", g_variant_new_string("off"));
	reply = call(MANAGER_PATH, TP "ConnectionManager", "RequestConnection", g_variant_new("(sa{sv})", "sip", &b));
	if (reply == NULL)
		exit(1);
	g_variant_get(reply, "(so)", &name, &path);
	g_variant_unref(reply);
	g_free(aor);
}

static void on_status(GDBusConnection *c, const char *sender, const char *object, const char *interface,
		      const char *signal, GVariant *parameters, gpointer data)
{
	guint32 status, reason;
	(void)c; (void)sender; (void)object; (void)interface; (void)signal; (void)data;

	g_variant_get(parameters, "(uu)", &status, &reason);
	if (status == 0)
		news("registered");
	else if (status == 2)
		news("unregistered reason %u", reason);
}

/* Each part of a message after the first, which is its header, has content. */
static void on_message(GDBusConnection *c, const char *sender, const char *object, const char *interface,
		       const char *signal, GVariant *parameters, gpointer data)
{
	GVariant *parts = g_variant_get_child_value(parameters, 0);
	gsize i;
	(void)c; (void)sender; (void)object; (void)interface; (void)signal; (void)data;

	for (i = 1; i < g_variant_n_children(parts); i++) {
		GVariant *part = g_variant_get_child_value(parts, i);
		const char *text;
		if (g_variant_lookup(part, "content", "&s", &text))
			news("got %s", text);
		g_variant_unref(part);
	}
	g_variant_unref(parts);
}

static void subscribe(const char *interface, const char *signal, GDBusSignalCallback callback)
{
	g_dbus_connection_signal_subscribe(bus, NULL, interface, signal, NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
					   callback, NULL, NULL);
}

/* channel_to makes sure that there is a text channel to the peer. */
static char *channel_to(const char *peer)
{
	GVariantBuilder b;
	GVariant *reply;
	char *channel = NULL;
	gboolean yours;

	g_variant_builder_init(&b, G_VARIANT_TYPE("a{sv}"));
	add(&b, TP "Channel.ChannelType", g_variant_new_string(TP "Channel.Type.Text"));
	add(&b, TP "Channel.TargetHandleType", g_variant_new_uint32(1));
	add(&b, TP "Channel.TargetID", g_variant_new_string(peer));
	reply = call(path, TP "Connection.Interface.Requests", "EnsureChannel", g_variant_new("(a{sv})", &b));
	if (reply != NULL) {
		g_variant_get(reply, "(boa{sv})", &yours, &channel, NULL);
		g_variant_unref(reply);
	}
	return channel;
}

static void send_text(const char *peer, const char *text)
{
	GVariantBuilder message, part;
	GVariant *reply;
	char *channel = channel_to(peer);

	if (channel == NULL)
		return;
	g_variant_builder_init(&message, G_VARIANT_TYPE("aa{sv}"));
	g_variant_builder_init(&part, G_VARIANT_TYPE("a{sv}"));
	add(&part, "message-type", g_variant_new_uint32(0));
	g_variant_builder_add(&message, "a{sv}", &part);
	g_variant_builder_init(&part, G_VARIANT_TYPE("a{sv}"));
	add(&part, "content-type", g_variant_new_string("text/plain"));
	add(&part, "content", g_variant_new_string(text));
	g_variant_builder_add(&message, "a{sv}", &part);
	reply = call(channel, TP "Channel.Interface.Messages", "SendMessage", g_variant_new("(aa{sv}u)", &message, 0));
	if (reply != NULL)
		g_variant_unref(reply);
	g_free(channel);
}

static void handle(const char *word, char *argument)
{
	if (strcmp(word, "send") == 0) {
		char *text = cut(argument);
		send_text(argument, text);
	} else if (strcmp(word, "quit") == 0) {
		GVariant *reply = call(path, TP "Connection", "Disconnect", NULL);
		if (reply != NULL)
			g_variant_unref(reply);
		g_main_loop_quit(loop);
	}
}

static gboolean on_input(GIOChannel *channel, GIOCondition condition, gpointer data)
{
	(void)channel; (void)condition; (void)data;
	if (read_orders(handle))
		return TRUE;
	g_main_loop_quit(loop);
	return FALSE;
}

/* again starts this driver anew with a bus of its own. */
static void again(char **argv)
{
	char *command[16] = {"dbus-run-session", "--"};
	int i;

	for (i = 0; argv[i] != NULL && i < 13; i++)
		command[i + 2] = argv[i];
	setenv("RAKIA_DRIVER_BUS", "1", 1);
	setenv("TPORT_LOG", "1", 1); /* Sofia-SIP writes its messages to standard error */
	execvp(command[0], command);
	perror(command[0]);
	exit(1);
}

int main(int argc, char **argv)
{
	GError *error = NULL;
	GVariant *reply;

	if (getenv("RAKIA_DRIVER_BUS") == NULL)
		again(argv);
	account = driver_begin(argc, argv);
	loop = g_main_loop_new(NULL, FALSE);
	bus = g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, &error);
	if (bus == NULL) {
		news("failed %s", error->message);
		return 1;
	}
	subscribe(TP "Connection", "StatusChanged", on_status);
	subscribe(TP "Channel.Interface.Messages", "MessageReceived", on_message);
	request_connection();
	reply = call(path, TP "Connection", "Connect", NULL);
	if (reply == NULL)
		return 1;
	g_variant_unref(reply);
	g_io_add_watch(g_io_channel_unix_new(STDIN_FILENO), G_IO_IN | G_IO_HUP, on_input, NULL);
	g_main_loop_run(loop);
	return 0;
}
