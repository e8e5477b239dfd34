// SPDX-License-Identifier: MIT
//
// For tests, by --require: this process's direct connections to port 443 go to the stand-in origin at
// 127.0.0.1:$TEST_ORIGIN instead. $TEST_CA is trusted besides, where it is set.
'use strict';
const fs = require('fs');
const net = require('net');
const tls = require('tls');

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
	const list = Array.isArray(args[0]) ? args[0] : args;
	if (list[0] && Number(list[0].port) === 443) {
		list[0] = { ...list[0], host: '127.0.0.1', port: Number(process.env.TEST_ORIGIN), lookup: undefined };
	}
	return connect.apply(this, args);
};

if (process.env.TEST_CA) {
	const pem = fs.readFileSync(process.env.TEST_CA);
	const create = tls.createSecureContext;
	tls.createSecureContext = function (...args) {
		const made = create.apply(this, args);
		made.context.addCACert(pem);
		return made;
	};
}
