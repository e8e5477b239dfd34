// SPDX-License-Identifier: MIT

// As drive.py, with net/http as it comes.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

const url = "https://api.resend.com/emails"

func call(method, url, body string) map[string]any {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	return map[string]any{"status": answer.StatusCode, "body": base64.StdEncoding.EncodeToString(data)}
}

func main() {
	for _, line := range []map[string]any{
		call("GET", url+"?limit=2", ""),
		call("POST", url, `{"subject":"Қазақстан: «тапсырыс № 5» дайын 🚀"}`),
		call("POST", url, `{"subject":"refuse: Ошибка ⛔"}`),
	} {
		text, _ := json.Marshal(line)
		fmt.Println(string(text))
	}
}
