<?php
// SPDX-License-Identifier: MIT

// drive.php curl|streams: as drive.py.
const URL = 'https://api.resend.com/emails';

function by_curl(string $url, ?string $body): array
{
	$curl = curl_init($url);
	curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
	if ($body !== null) {
		curl_setopt($curl, CURLOPT_POSTFIELDS, $body);
		curl_setopt($curl, CURLOPT_HTTPHEADER, ['Content-Type: application/json']);
	}
	$answer = curl_exec($curl);
	if ($answer === false) {
		return ['error' => curl_error($curl)];
	}
	return ['status' => curl_getinfo($curl, CURLINFO_RESPONSE_CODE), 'body' => base64_encode($answer)];
}

function by_streams(string $url, ?string $body): array
{
	$http = ['ignore_errors' => true, 'protocol_version' => 1.1, 'header' => ['Connection: close']];
	if ($body !== null) {
		$http['method'] = 'POST';
		$http['content'] = $body;
		$http['header'][] = 'Content-Type: application/json';
	}
	$answer = @file_get_contents($url, false, stream_context_create(['http' => $http]));
	if ($answer === false) {
		return ['error' => error_get_last()['message']];
	}
	preg_match('/^HTTP\/1\.\d (\d+)/', $http_response_header[0], $found);
	return ['status' => (int)$found[1], 'body' => base64_encode($answer)];
}

$call = ['curl' => 'by_curl', 'streams' => 'by_streams'][$argv[1]];
foreach ([
	[URL . '?limit=2', null],
	[URL, '{"subject":"Қазақстан: «тапсырыс № 5» дайын 🚀"}'],
	[URL, '{"subject":"refuse: Ошибка ⛔"}'],
] as $one) {
	echo json_encode($call(...$one)), "\n";
}
