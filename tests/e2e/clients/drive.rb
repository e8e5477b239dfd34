# SPDX-License-Identifier: MIT

# As drive.py, with net/http.
require 'json'
require 'net/http'

URL = 'https://api.resend.com/emails'.freeze

def call(url, body)
  answer = if body
             Net::HTTP.post(URI(url), body, 'Content-Type' => 'application/json')
           else
             Net::HTTP.get_response(URI(url))
           end
  { status: answer.code.to_i, body: [answer.body].pack('m0') }
rescue StandardError => e
  { error: "#{e.class}: #{e.message}" }
end

[
  ["#{URL}?limit=2", nil],
  [URL, '{"subject":"Қазақстан: «тапсырыс № 5» дайын 🚀"}'],
  [URL, '{"subject":"refuse: Ошибка ⛔"}'],
].each { |one| puts JSON.generate(call(*one)) }
