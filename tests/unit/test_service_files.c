/* SPDX-License-Identifier: MIT */
/*
 * The service files in conf/: every endpoint that they promise has its action, and the
 * sample that teaches the format is right.
 */
#include "routes/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct endpoint {
	const char *methods; /* one or more, with a space between */
	const char *path;
	const char *action;
};

static struct route_table *table;

static int load_table(void **state)
{
	struct err err = { "" };

	(void)state;
	if (route_table_load("conf/services/*.yaml", &table, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	return 0;
}

static int drop_table(void **state)
{
	(void)state;
	route_table_unref(table);
	return 0;
}

static void check(
    const char *host, struct slice method, const char *path, const char *action)
{
	const struct service *service = route_table_host(table, slice_of(host));
	struct route_match match;

	assert_non_null(service);
	assert_int_equal(route_match(service, method, slice_of(path), &match), 0);
	if (strcmp(match.action, action) != 0) {
		fail_msg("%.*s %s%s: %s, not %s", SLICE_ARG(method), host, path,
		    match.action, action);
	}
	route_match_finish(&match);
}

static void check_all(const char *host, const struct endpoint *endpoint, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct slice methods = slice_of(endpoint[i].methods);

		while (methods.ptr) {
			check(host, slice_cut(&methods, ' '), endpoint[i].path,
			    endpoint[i].action);
		}
	}
}

#define CHECK(host, endpoints)                                                           \
	check_all(host, endpoints, sizeof(endpoints) / sizeof(*(endpoints)))

static void amocrm_leads_contacts_and_companies(void **state)
{
	static const struct endpoint endpoints[] = {
		{ "POST PATCH", "/api/v4/leads", "sync_lead" },
		{ "PATCH", "/api/v4/leads/31650001", "sync_lead" },
		{ "POST", "//api/v4/leads/complex", "sync_lead" },
		{ "GET", "/api/v4/leads?limit=250", "get_leads" },
		{ "GET", "/api/v4/leads/31650001", "get_lead" },
		{ "POST", "/api/v4/leads/unsorted/forms", "create_unsorted_lead" },
		{ "POST", "/api/v4/leads/unsorted/sip", "create_unsorted_lead" },
		{ "GET", "/api/v4/leads/unsorted", "get_unsorted_leads" },
		{ "GET", "/api/v4/leads/unsorted/summary", "get_unsorted_leads" },
		{ "GET", "/api/v4/leads/unsorted/ab12", "get_unsorted_leads" },
		{ "POST", "/api/v4/leads/unsorted/ab12/accept", "accept_unsorted_lead" },
		{ "DELETE", "/api/v4/leads/unsorted/ab12/decline",
		    "decline_unsorted_lead" },
		{ "POST", "/api/v4/leads/unsorted/ab12/link", "link_unsorted_lead" },
		{ "POST PATCH", "/api/v4/contacts", "sync_contact" },
		{ "PATCH", "/api/v4/contacts/1", "sync_contact" },
		{ "GET", "/api/v4/contacts", "get_contacts" },
		{ "GET", "/api/v4/contacts/1", "get_contacts" },
		{ "GET", "/api/v4/contacts/chats", "get_contacts" },
		{ "POST PATCH", "/api/v4/companies", "sync_company" },
		{ "PATCH", "/api/v4/companies/1", "sync_company" },
		{ "GET", "/api/v4/companies/1", "get_companies" },
		{ "POST PATCH", "/api/v4/customers", "sync_customer" },
		{ "PATCH", "/api/v4/customers/1", "sync_customer" },
		{ "GET", "/api/v4/customers", "get_customers" },
		{ "GET", "/api/v4/customers/1", "get_customers" },
		{ "GET", "/api/v4/customers/transactions", "get_customer_transactions" },
		{ "POST", "/api/v4/customers/1/transactions",
		    "sync_customer_transactions" },
		{ "GET", "/api/v4/customers/statuses", "get_customer_statuses" },
		{ "POST", "/api/v4/customers/statuses", "sync_customer_statuses" },
		{ "GET", "/api/v4/customers/segments", "get_customer_segments" },
		{ "POST", "/api/v4/customers/segments", "sync_customer_segments" },
		{ "GET", "/api/v4/customers/1/bonus_points",
		    "get_customer_bonus_points" },
		{ "POST", "/api/v4/customers/1/bonus_points",
		    "sync_customer_bonus_points" },
		{ "POST", "/api/v2/leads", "sync_lead" },
		{ "GET", "/private/api/v2/json/accounts/current", "other" },
	};

	(void)state;
	CHECK("academy.amocrm.ru", endpoints);
	CHECK("api-b.amocrm.com", endpoints);
	CHECK("Academy.Kommo.com.", endpoints);
}

static void amocrm_parts_that_entities_have_in_common(void **state)
{
	static const char *const entities[] = { "leads", "contacts", "companies",
		"customers" };
	static const struct endpoint below[] = {
		{ "POST", "notes", "add_note" },
		{ "POST", "1/notes", "add_note" },
		{ "PATCH", "notes", "update_note" },
		{ "PATCH", "1/notes", "update_note" },
		{ "PATCH", "1/notes/2", "update_note" },
		{ "GET", "notes", "get_notes" },
		{ "GET", "1/notes", "get_notes" },
		{ "GET", "1/notes/2", "get_notes" },
		{ "POST PATCH", "tags", "add_tags" },
		{ "GET", "tags", "get_tags" },
		{ "POST", "1/link", "link_entities" },
		{ "POST", "link", "link_entities" },
		{ "POST", "1/unlink", "unlink_entities" },
		{ "POST", "unlink", "unlink_entities" },
		{ "GET", "1/links", "get_links" },
		{ "GET", "links", "get_links" },
		{ "GET", "custom_fields", "get_custom_fields" },
		{ "GET", "custom_fields/groups", "get_custom_fields" },
		{ "POST PATCH", "custom_fields", "sync_custom_fields" },
		{ "PATCH DELETE", "custom_fields/1", "sync_custom_fields" },
		{ "POST", "custom_fields/groups", "sync_custom_fields" },
		{ "PUT DELETE", "1/files", "link_files" },
		{ "GET", "1/files", "get_files" },
		{ "GET", "1/subscriptions", "get_subscriptions" },
	};

	(void)state;
	for (size_t e = 0; e < sizeof(entities) / sizeof(*entities); e++) {
		for (size_t i = 0; i < sizeof(below) / sizeof(*below); i++) {
			char path[128];
			struct endpoint endpoint = below[i];

			(void)snprintf(path, sizeof(path), "/api/v4/%s/%s", entities[e],
			    below[i].path);
			endpoint.path = path;
			check_all("x.amocrm.ru", &endpoint, 1);
		}
	}
}

static const struct endpoint amocrm_endpoints[] = {
	{ "POST", "/api/v4/tasks", "create_task" },
	{ "PATCH", "/api/v4/tasks", "update_task" },
	{ "PATCH", "/api/v4/tasks/1", "update_task" },
	{ "GET", "/api/v4/tasks", "get_tasks" },
	{ "GET", "/api/v4/tasks/1", "get_tasks" },
	{ "GET", "/api/v4/events", "get_events" },
	{ "GET", "/api/v4/events/types", "get_events" },
	{ "GET", "/api/v4/leads/pipelines", "get_pipelines" },
	{ "GET", "/api/v4/leads/pipelines/1/statuses/142", "get_pipelines" },
	{ "POST", "/api/v4/leads/pipelines", "manage_pipeline" },
	{ "PATCH DELETE", "/api/v4/leads/pipelines/1/statuses/2", "manage_pipeline" },
	{ "GET", "/api/v4/leads/loss_reasons", "get_loss_reasons" },
	{ "POST", "/api/v4/webhooks", "subscribe_webhook" },
	{ "DELETE", "/api/v4/webhooks", "unsubscribe_webhook" },
	{ "GET", "/api/v4/webhooks", "get_webhooks" },
	{ "GET", "/api/v4/users", "get_users" },
	{ "GET", "/api/v4/users/1", "get_users" },
	{ "POST", "/api/v4/users", "add_users" },
	{ "GET", "/api/v4/roles/1", "get_roles" },
	{ "POST", "/api/v4/roles", "manage_roles" },
	{ "GET", "/api/v4/catalogs", "get_catalogs" },
	{ "POST PATCH", "/api/v4/catalogs", "sync_catalog" },
	{ "PATCH", "/api/v4/catalogs/1", "sync_catalog" },
	{ "GET", "/api/v4/catalogs/1/elements/2", "get_catalog_elements" },
	{ "POST PATCH", "/api/v4/catalogs/1/elements", "sync_catalog_element" },
	{ "PATCH", "/api/v4/catalogs/1/elements/2", "sync_catalog_element" },
	{ "GET", "/api/v4/catalogs/1/custom_fields", "get_custom_fields" },
	{ "POST", "/api/v4/catalogs/1/custom_fields", "sync_custom_fields" },
	{ "GET", "/api/v4/account?with=drive_url", "get_account" },
	{ "POST", "/api/v4/calls", "add_call" },
	{ "POST", "/api/v4/short_links", "create_short_link" },
	{ "GET", "/api/v4/talks/1", "get_talk" },
	{ "POST", "/api/v4/talks/1/close", "close_talk" },
	{ "GET", "/api/v4/sources", "get_sources" },
	{ "POST", "/api/v4/sources", "sync_sources" },
	{ "GET", "/api/v4/widgets", "get_widgets" },
	{ "POST", "/api/v4/widgets/abc", "sync_widgets" },
	{ "GET", "/api/v4/website_buttons", "get_website_buttons" },
	{ "POST", "/api/v4/website_buttons", "sync_website_buttons" },
	{ "GET", "/api/v4/chats/templates", "get_chat_templates" },
	{ "POST", "/api/v4/chats/templates", "sync_chat_templates" },
	{ "GET", "/api/v4/products/settings", "get_products" },
	{ "PATCH", "/api/v4/products/settings", "sync_products" },
	{ "GET", "/api/v4/currencies", "get_currencies" },
	{ "POST", "/oauth2/access_token", "oauth_token" },
	{ "POST", "/oauth2/exchange_api_key", "oauth_exchange" },
	{ "GET", "/oauth2/account/subdomain", "get_account_domain" },
	{ "GET", "/oauth2/account/current/subdomain", "get_account_domain" },
	{ "POST", "/v1.0/sessions", "upload_file" },
	{ "POST", "/v1.0/sessions/upload/token", "upload_file" },
	{ "POST", "/v1.0/files", "upload_file" },
	{ "GET", "/v1.0/files/1", "get_file" },
	{ "POST", "/v2/origin/custom/scope_1", "send_amocrm_chat" },
	{ "POST", "/v2/origin/custom/scope_1/chats", "send_amocrm_chat" },
	{ "GET", "/api/v4/unheard/of", "other" },
};

static void amocrm_everything_else(void **state)
{
	(void)state;
	CHECK("drive-b.amocrm.ru", amocrm_endpoints);
}

static void resend_emails_domains_and_keys(void **state)
{
	static const struct endpoint endpoints[] = {
		{ "POST", "/emails", "send_email" },
		{ "POST", "/emails/batch", "send_email" },
		{ "GET", "/emails", "get_emails" },
		{ "GET", "/emails/1", "get_email" },
		{ "PATCH", "/emails/1", "update_email" },
		{ "POST", "/emails/1/cancel", "cancel_email" },
		{ "POST", "/emails/1/share", "share_email" },
		{ "GET", "/emails/1/attachments", "get_email_attachments" },
		{ "GET", "/emails/1/attachments/2", "get_email_attachments" },
		{ "GET", "/emails/receiving", "get_received_emails" },
		{ "GET", "/emails/receiving/1/attachments/2", "get_received_emails" },
		{ "GET", "/emails/metrics", "get_email_metrics" },
		{ "GET", "/domains", "get_domains" },
		{ "GET", "/domains/1", "get_domain" },
		{ "POST", "/domains", "create_domain" },
		{ "PATCH", "/domains/1", "update_domain" },
		{ "DELETE", "/domains/1", "delete_domain" },
		{ "POST", "/domains/1/verify", "verify_domain" },
		{ "POST", "/domains/1/claim", "claim_domain" },
		{ "POST", "/domains/claim", "claim_domain" },
		{ "POST", "/api-keys", "create_api_key" },
		{ "GET", "/api-keys", "get_api_keys" },
		{ "PATCH", "/api-keys/1", "update_api_key" },
		{ "DELETE", "/api-keys/1", "delete_api_key" },
		{ "POST", "/contacts/imports", "import_contacts" },
		{ "GET", "/contacts/imports", "get_contact_imports" },
		{ "GET", "/contacts/imports/1", "get_contact_imports" },
		{ "POST", "/contacts/1/segments/2", "update_contact_segments" },
		{ "DELETE", "/contacts/1/segments/2", "update_contact_segments" },
		{ "PATCH", "/contacts/1/topics", "update_contact_topics" },
		{ "POST", "/templates/1/publish", "publish_template" },
		{ "POST", "/templates/1/duplicate", "duplicate_template" },
		{ "POST", "/broadcasts/1/send", "send_broadcast" },
		{ "POST", "/broadcasts/1/cancel", "cancel_broadcast" },
		{ "GET", "/broadcasts/1/recipients", "get_broadcast_stats" },
		{ "GET", "/broadcasts/1/clicked-links", "get_broadcast_stats" },
		{ "GET", "/logs", "get_logs" },
		{ "POST", "/events/send", "send_event" },
		{ "POST", "/suppressions/batch/add", "create_suppression" },
		{ "POST", "/suppressions/batch/remove", "delete_suppression" },
		{ "PUT", "/nothing", "other" },
	};

	(void)state;
	CHECK("api.resend.com", endpoints);
}

static void resend_things_are_created_got_updated_and_deleted(void **state)
{
	static const char *const things[][3] = {
		{ "/contacts", "contact", "contacts" },
		{ "/audiences/9/contacts", "contact", "contacts" },
		{ "/contact-properties", "contact_property", "contact_properties" },
		{ "/audiences", "audience", "audiences" },
		{ "/segments", "segment", "segments" },
		{ "/topics", "topic", "topics" },
		{ "/templates", "template", "templates" },
		{ "/broadcasts", "broadcast", "broadcasts" },
		{ "/webhooks", "webhook", "webhooks" },
		{ "/automations", "automation", "automations" },
		{ "/events", "event", "events" },
		{ "/suppressions", "suppression", "suppressions" },
		{ "/oauth/grants", "oauth_grant", "oauth_grants" },
	};
	static const char *const verbs[][3] = {
		{ "POST", "", "create" },
		{ "GET", "", "get" },
		{ "GET", "/1", "get" },
		{ "PATCH", "/1", "update" },
		{ "DELETE", "/a%40example.test", "delete" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(things) / sizeof(*things); i++) {
		for (size_t k = 0; k < sizeof(verbs) / sizeof(*verbs); k++) {
			bool all = k == 1;
			char path[128];
			char action[128];

			(void)snprintf(
			    path, sizeof(path), "%s%s", things[i][0], verbs[k][1]);
			(void)snprintf(action, sizeof(action), "%s_%s", verbs[k][2],
			    things[i][all ? 2 : 1]);
			check("api.resend.com", slice_of(verbs[k][0]), path, action);
		}
	}
}

static void mobizon_methods(void **state)
{
	static const struct endpoint endpoints[] = {
		{ "GET POST", "/service/message/sendsmsmessage?apiKey=x", "send_sms" },
		{ "GET POST", "/service/Message/SendSmsMessage/", "send_sms" },
		{ "GET POST", "/service/message/getsmsstatus", "get_sms_status" },
		{ "GET POST", "/service/message/list", "list_sms" },
		{ "GET POST", "/service/user/getownbalance", "get_balance" },
		{ "GET POST", "/service/campaign/create", "create_sms_campaign" },
		{ "GET POST", "/service/campaign/addrecipients", "add_sms_recipients" },
		{ "GET POST", "/service/campaign/send", "send_sms_campaign" },
		{ "GET POST", "/service/campaign/get", "get_sms_campaign" },
		{ "GET POST", "/service/campaign/getinfo", "get_sms_campaign" },
		{ "GET POST", "/service/campaign/getlinks", "get_sms_campaign" },
		{ "GET POST", "/service/campaign/list", "list_sms_campaigns" },
		{ "GET POST", "/service/campaign/delete", "delete_sms_campaign" },
		{ "GET POST", "/service/link/create", "create_short_link" },
		{ "GET POST", "/service/link/get", "get_short_link" },
		{ "GET POST", "/service/link/getlinks", "get_short_link" },
		{ "GET POST", "/service/link/getstats", "get_short_link" },
		{ "GET POST", "/service/link/list", "list_short_link" },
		{ "GET POST", "/service/link/update", "update_short_link" },
		{ "GET POST", "/service/link/delete", "delete_short_link" },
		{ "GET POST", "/service/taskqueue/getstatus", "get_task_status" },
		{ "GET POST", "/service/contactgroup/create", "sync_contact_group" },
		{ "GET POST", "/service/contactcard/update", "sync_contact" },
		{ "GET POST", "/service/numberstoplist/list", "sync_stop_list" },
		{ "GET POST", "/service/alphaname/list", "get_sender_names" },
		{ "GET POST", "/service/unheard/of", "other" },
	};

	(void)state;
	CHECK("api.mobizon.kz", endpoints);
	CHECK("api.mobizon.com", endpoints);
	CHECK("api.mobizon.com.br", endpoints);
	CHECK("api.mobizon.ua", endpoints);
	CHECK("api.mobizon.gmbh", endpoints);
}

static void telegram_methods_in_any_case(void **state)
{
	static const char *const prefixes[] = {
		"/bot123456:AAFAKE_token",
		"/bot123456%3AAAFAKE_token",
		"/bot123456:AAFAKE_token/test",
	};
	static const struct endpoint methods[] = {
		{ "GET POST", "sendMessage", "send_telegram" },
		{ "GET POST", "SENDMEDIAGROUP", "send_telegram" },
		{ "GET POST", "sendChatAction", "telegram_sendchataction" },
		{ "GET POST", "copyMessage", "forward_telegram" },
		{ "GET POST", "copyMessages", "forward_telegram" },
		{ "GET POST", "forwardMessage", "forward_telegram" },
		{ "GET POST", "forwardMessages", "forward_telegram" },
		{ "GET POST", "editMessageText", "edit_telegram" },
		{ "GET POST", "deleteMessage", "delete_telegram" },
		{ "GET POST", "deleteMessages", "delete_telegram" },
		{ "GET POST", "getUpdates?timeout=50", "get_telegram_updates" },
		{ "GET POST", "setWebhook", "set_telegram_webhook" },
		{ "GET POST", "deletewebhook", "delete_telegram_webhook" },
		{ "GET POST", "getWebhookInfo", "get_telegram_webhook" },
		{ "GET POST", "getMe", "get_telegram_bot" },
		{ "GET POST", "getFile", "get_telegram_file" },
		{ "GET POST", "answerCallbackQuery", "answer_telegram_callback" },
		{ "GET POST", "getChatMember", "telegram_getchatmember" },
		{ "GET POST", "getManagedBotToken", "telegram_getmanagedbottoken" },
		{ "GET POST", "logOut/", "telegram_logout" },
	};

	(void)state;
	for (size_t p = 0; p < sizeof(prefixes) / sizeof(*prefixes); p++) {
		for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
			char path[128];
			struct endpoint endpoint = methods[i];

			(void)snprintf(
			    path, sizeof(path), "%s/%s", prefixes[p], methods[i].path);
			endpoint.path = path;
			check_all("api.telegram.org", &endpoint, 1);
		}
	}
	check("api.telegram.org", SLICE("GET"), "/file/bot1:A/photos/file_1.jpg",
	    "download_telegram_file");
	check("api.telegram.org", SLICE("POST"), "/bot1:A/", "other");
	check("api.telegram.org", SLICE("POST"), "/bot/1:A", "other");
	check("api.telegram.org", SLICE("POST"), "/bot/1:A/sendMessage", "other");
	check(
	    "api.telegram.org", SLICE("GET"), "/file/bot/1:A/photos/file_1.jpg", "other");
	check("api.telegram.org", SLICE("GET"), "/", "other");
}

static void telegram_polls_are_long_and_files_have_no_ok(void **state)
{
	const struct service *service =
	    route_table_host(table, SLICE("api.telegram.org"));
	struct route_match match;

	(void)state;
	assert_int_equal(
	    route_match(service, SLICE("POST"), SLICE("/bot1:A/getUpdates"), &match), 0);
	assert_true(match.route->long_poll);
	assert_true(match.route->record_empty);
	assert_non_null(match.route->empty);
	assert_true(slice_eq(match.param[0].value, SLICE("1:A")));
	assert_string_equal(match.route->secrets->path.item[0], "token");
	route_match_finish(&match);

	assert_int_equal(
	    route_match(service, SLICE("GET"), SLICE("/file/bot1:A/x.bin"), &match), 0);
	assert_int_equal(match.route->judge->success.test_count, 0);
	assert_false(match.route->judge->success.needs_json);
	route_match_finish(&match);
}

static const struct endpoint whapi_endpoints[] = {
	{ "POST", "/messages/text", "send_whatsapp" },
	{ "POST", "/messages/image", "send_whatsapp" },
	{ "POST", "/messages/video", "send_whatsapp" },
	{ "POST", "/messages/short", "send_whatsapp" },
	{ "POST", "/messages/gif", "send_whatsapp" },
	{ "POST", "/messages/audio", "send_whatsapp" },
	{ "POST", "/messages/voice", "send_whatsapp" },
	{ "POST", "/messages/document", "send_whatsapp" },
	{ "POST", "/messages/link_preview", "send_whatsapp" },
	{ "POST", "/messages/location", "send_whatsapp" },
	{ "POST", "/messages/live_location", "send_whatsapp" },
	{ "POST", "/messages/contact", "send_whatsapp" },
	{ "POST", "/messages/contact_list", "send_whatsapp" },
	{ "POST", "/messages/poll", "send_whatsapp" },
	{ "POST", "/messages/interactive", "send_whatsapp" },
	{ "POST", "/messages/carousel", "send_whatsapp" },
	{ "POST", "/messages/sticker", "send_whatsapp" },
	{ "POST", "/messages/media/image?to=7", "send_whatsapp" },
	{ "POST", "/contacts/77000000001", "send_whatsapp" },
	{ "POST", "/groups/link/abc", "send_whatsapp" },
	{ "POST", "/newsletters/link/abc", "send_whatsapp" },
	{ "POST", "/business/products/1", "send_whatsapp" },
	{ "POST", "/business/catalogs/1", "send_whatsapp" },
	{ "POST", "/messages/story", "post_whatsapp_story" },
	{ "POST", "/messages/story/text", "post_whatsapp_story" },
	{ "POST", "/stories", "post_whatsapp_story" },
	{ "POST", "/stories/send/media", "post_whatsapp_story" },
	{ "POST", "/messages/PsqFAKE-1", "forward_whatsapp" },
	{ "PUT", "/messages/PsqFAKE-1", "mark_whatsapp_read" },
	{ "DELETE", "/messages/PsqFAKE-1", "delete_whatsapp_message" },
	{ "GET", "/messages/PsqFAKE-1", "get_whatsapp_message" },
	{ "PUT DELETE", "/messages/1/reaction", "react_whatsapp" },
	{ "PUT", "/messages/1/star", "star_whatsapp" },
	{ "POST DELETE", "/messages/1/pin", "pin_whatsapp" },
	{ "GET", "/messages/list?count=10", "get_whatsapp_messages" },
	{ "GET", "/messages/list/7@s.whatsapp.net", "get_whatsapp_messages" },
	{ "POST", "/contacts", "check_phones" },
	{ "HEAD", "/contacts/7", "check_phone" },
	{ "GET", "/contacts", "get_contacts" },
	{ "GET", "/contacts/7/profile", "get_contacts" },
	{ "PUT", "/contacts", "add_contact" },
	{ "GET", "/health?wakeup=true", "check_health" },
	{ "GET", "/limits", "get_limits" },
	{ "GET", "/settings", "get_settings" },
	{ "PATCH", "/settings", "update_settings" },
	{ "DELETE", "/settings", "reset_settings" },
	{ "POST", "/settings/webhook_test", "test_webhook" },
	{ "GET", "/users/login", "whatsapp_login" },
	{ "GET", "/users/login/image", "whatsapp_login" },
	{ "GET", "/users/login/77000000001", "whatsapp_login" },
	{ "POST", "/users/logout", "whatsapp_logout" },
	{ "GET", "/users/profile", "get_profile" },
	{ "PATCH", "/users/profile", "update_profile" },
	{ "PUT", "/status", "set_status" },
	{ "POST", "/media", "upload_media" },
	{ "GET", "/media/1", "get_media" },
	{ "DELETE", "/media/1", "manage_media" },
	{ "GET POST", "/channels", "manage_channel" },
	{ "PUT", "/channels/1", "manage_channel" },
	{ "GET", "/unheard/of", "other" },
};

static void whapi_messages_and_channel(void **state)
{
	(void)state;
	CHECK("gate.whapi.cloud", whapi_endpoints);
	CHECK("manager.whapi.cloud", whapi_endpoints);
}

static void whapi_things_are_got_and_managed(void **state)
{
	static const char *const things[] = { "groups", "chats", "newsletters",
		"communities", "labels", "presences", "blacklist", "business", "calls" };
	static const char *const others[] = { "POST", "PUT", "PATCH", "DELETE" };

	(void)state;
	for (size_t i = 0; i < sizeof(things) / sizeof(*things); i++) {
		char path[64];
		char action[64];

		(void)snprintf(path, sizeof(path), "/%s", things[i]);
		(void)snprintf(action, sizeof(action), "get_%s", things[i]);
		check("gate.whapi.cloud", SLICE("GET"), path, action);
		(void)snprintf(path, sizeof(path), "/%s/1/part", things[i]);
		check("gate.whapi.cloud", SLICE("GET"), path, action);
		(void)snprintf(action, sizeof(action), "manage_%s", things[i]);
		for (size_t k = 0; k < sizeof(others) / sizeof(*others); k++) {
			check("gate.whapi.cloud", slice_of(others[k]), path, action);
		}
	}
}

static void the_sample_is_a_right_file(void **state)
{
	struct route_table *sample = NULL;
	struct err err = { "" };

	(void)state;
	if (route_table_load("conf/services/example.yaml.sample", &sample, &err) < 0) {
		fail_msg("%s", err.text);
	}
	assert_string_equal(route_table_service(sample, 0)->name, "stripe");
	route_table_unref(sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amocrm_leads_contacts_and_companies),
		cmocka_unit_test(amocrm_parts_that_entities_have_in_common),
		cmocka_unit_test(amocrm_everything_else),
		cmocka_unit_test(resend_emails_domains_and_keys),
		cmocka_unit_test(resend_things_are_created_got_updated_and_deleted),
		cmocka_unit_test(mobizon_methods),
		cmocka_unit_test(telegram_methods_in_any_case),
		cmocka_unit_test(telegram_polls_are_long_and_files_have_no_ok),
		cmocka_unit_test(whapi_messages_and_channel),
		cmocka_unit_test(whapi_things_are_got_and_managed),
		cmocka_unit_test(the_sample_is_a_right_file),
	};

	return cmocka_run_group_tests(tests, load_table, drop_table);
}
