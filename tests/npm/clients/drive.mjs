// SPDX-License-Identifier: MIT
//
// drive.mjs CLIENT: makes three calls with a client, one after the other, and prints what it saw of each:
// a JSON line {"status", "body" (base64), "error"}. A client is a function that gives three functions: a
// GET, a POST with TEXT in it, and a POST with REFUSE in it, which the stand-in origin answers with 4xx.
import https from 'node:https';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const TEXT = 'Қазақстан: «тапсырыс № 5» дайын 🚀';
const REFUSE = 'refuse: Ошибка ⛔';
const RESEND = 'https://api.resend.com';
const JSON_TYPE = { 'content-type': 'application/json' };
const TOKEN = '123456789:AAtestTESTtestTESTtestTESTtestTEST0';

// what a library gave, or why it did not, as bytes
const bytes = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

// A library for HTTP: one function for all three.
const http = (send) => [
	() => send('GET', `${RESEND}/emails?limit=2`),
	() => send('POST', `${RESEND}/emails`, JSON.stringify({ subject: TEXT })),
	() => send('POST', `${RESEND}/emails`, JSON.stringify({ subject: REFUSE })),
];
// A library for one API: what it gives is its reading of the answer.
const sdk = (...calls) => calls.map((call) => async () => ({ status: 0, body: bytes(await call()) }));

const byFetch = (fetch) => http(async (method, url, body) => {
	const answer = await fetch(url, { method, body, headers: body && JSON_TYPE });
	return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
});

const byAxios = (axios) => http(async (method, url, data) => {
	const answer = await axios.request({ method, url, data: data && Buffer.from(data), headers: data ? JSON_TYPE : {},
		responseType: 'arraybuffer', validateStatus: () => true });
	return { status: answer.status, body: answer.data };
});

const CLIENTS = {
	fetch: () => byFetch(fetch),
	https: () => http((method, url, body) => new Promise((resolve, reject) => {
		const request = https.request(url, { method, headers: body ? JSON_TYPE : {} }, (answer) => {
			const parts = [];
			answer.on('data', (part) => parts.push(part));
			answer.on('end', () => resolve({ status: answer.statusCode, body: Buffer.concat(parts) }));
			answer.on('error', reject);
		});
		request.on('error', reject);
		request.end(body);
	})),
	axios: async () => byAxios((await import('axios')).default),
	'axios-0': () => byAxios(require('axios-0')),
	'axios-1.7': () => byAxios(require('axios-1.7')),
	got: async () => {
		const { got } = await import('got');
		return http(async (method, url, body) => {
			const answer = await got(url, { method, body, headers: body && JSON_TYPE, responseType: 'buffer',
				throwHttpErrors: false, retry: { limit: 0 } });
			return { status: answer.statusCode, body: answer.body };
		});
	},
	ky: async () => {
		const ky = (await import('ky')).default;
		return byFetch((url, options) => ky(url, { ...options, throwHttpErrors: false, retry: 0 }));
	},
	'node-fetch': async () => byFetch((await import('node-fetch')).default),
	'node-fetch-2': () => byFetch(require('node-fetch-2')),
	superagent: () => {
		const superagent = require('superagent');
		return http(async (method, url, body) => {
			const request = superagent(method, url).ok(() => true).buffer(true).parse((answer, done) => {
				const parts = [];
				answer.on('data', (part) => parts.push(part));
				answer.on('end', () => done(null, Buffer.concat(parts)));
			});
			const answer = await (body ? request.set(JSON_TYPE).send(body) : request);
			return { status: answer.status, body: answer.body };
		});
	},
	undici: () => {
		const { request } = require('undici');
		return http(async (method, url, body) => {
			const answer = await request(url, { method, body, headers: body ? JSON_TYPE : {} });
			return { status: answer.statusCode, body: Buffer.from(await answer.body.arrayBuffer()) };
		});
	},

	'amocrm-js': () => {
		const { Client } = require('amocrm-js');
		const client = new Client({ domain: 'academy.amocrm.ru',
			auth: { client_id: 'id', client_secret: 'secret', redirect_uri: 'https://example.test/' } });
		client.token.setValue({ access_token: 'token', refresh_token: 'refresh', token_type: 'Bearer',
			expires_in: 86400, expires_at: Date.now() + 86400000 });
		const body = (name) => [{ name }];
		return sdk(async () => (await client.request.get('/api/v4/account')).data,
			async () => (await client.request.post('/api/v4/leads', body(TEXT))).data,
			async () => (await client.request.post('/api/v4/leads', body(REFUSE))).data);
	},
	grammy: () => {
		const { Api } = require('grammy');
		const api = new Api(TOKEN);
		return sdk(() => api.getMe(), () => api.sendMessage(5, TEXT), () => api.sendMessage(5, REFUSE));
	},
	'mobizon-node': () => {
		const { mobizon } = require('mobizon-node');
		mobizon.setConfig({ apiServer: 'https://api.mobizon.kz', apiKey: 'kz00', format: 'json' });
		const sms = (text) => mobizon.sendSms({ recipient: '77010000000', from: '', text });
		return sdk(() => mobizon.getBalance(), () => sms(TEXT), () => sms(REFUSE));
	},
	'node-telegram-bot-api': async () => {
		const api = new (await import('node-telegram-bot-api')).Api(TOKEN);
		const say = (text) => api.sendMessage({ chat_id: 5, text });
		return sdk(() => api.getMe(), () => say(TEXT), () => say(REFUSE));
	},
	'node-telegram-bot-api-0': () => {
		const bot = new (require('node-telegram-bot-api-0'))(TOKEN);
		return sdk(() => bot.getMe(), () => bot.sendMessage(5, TEXT), () => bot.sendMessage(5, REFUSE));
	},
	resend: () => {
		const { Resend } = require('resend');
		const client = new Resend('re_test');
		const mail = (subject) => client.emails.send({ from: 'a@example.test', to: 'b@example.test', subject, text: 'x' });
		const unwrap = ({ data, error }) => {
			if (error) {
				throw Object.assign(new Error(error.message), error);
			}
			return data;
		};
		return sdk(async () => unwrap(await client.emails.get('5')), async () => unwrap(await mail(TEXT)),
			async () => unwrap(await mail(REFUSE)));
	},
	telegraf: () => {
		const { Telegram } = require('telegraf');
		const telegram = new Telegram(TOKEN);
		return sdk(() => telegram.getMe(), () => telegram.sendMessage(5, TEXT), () => telegram.sendMessage(5, REFUSE));
	},
};

// all that an error says, its causes and what a library hung on it
function describe(error, depth = 0) {
	if (!error || depth > 4) {
		return '';
	}
	const own = Object.entries(error).filter(([, value]) => ['string', 'number'].includes(typeof value));
	const parts = [error.message, JSON.stringify(Object.fromEntries(own))];
	for (const name of ['cause', 'error', 'response', 'parameters', 'data', 'body']) {
		if (error[name] && typeof error[name] === 'object') {
			parts.push(describe(error[name], depth + 1));
		}
	}
	return parts.filter(Boolean).join(' / ');
}

for (const call of await CLIENTS[process.argv[2]]()) {
	try {
		const { status, body } = await call();
		console.log(JSON.stringify({ status, body: Buffer.from(body).toString('base64') }));
	} catch (error) {
		console.log(JSON.stringify({ error: describe(error) }));
	}
}
