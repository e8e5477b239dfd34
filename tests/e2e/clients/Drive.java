// SPDX-License-Identifier: MIT

// As drive.py, with java.net.http.HttpClient; without HTTPS_PROXY as one that was told of no proxy.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Base64;

public class Drive {
    static final String URL = "https://api.resend.com/emails";

    static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "'").replace("\n", " ") + '"';
    }

    static void call(HttpClient client, String url, String body) {
        try {
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url));
            if (body != null) {
                request.header("Content-Type", "application/json").POST(BodyPublishers.ofString(body));
            }
            HttpResponse<byte[]> answer = client.send(request.build(), BodyHandlers.ofByteArray());
            System.out.println("{\"status\": " + answer.statusCode() + ", \"body\": "
                + quoted(Base64.getEncoder().encodeToString(answer.body())) + "}");
        } catch (Exception error) {
            String cause = error.getCause() == null ? "" : ": " + error.getCause();
            System.out.println("{\"error\": " + quoted(error + cause) + "}");
        }
    }

    public static void main(String[] args) {
        HttpClient.Builder builder = HttpClient.newBuilder();
        if (System.getenv("HTTPS_PROXY") == null) {
            builder.proxy(HttpClient.Builder.NO_PROXY);
        }
        HttpClient client = builder.build();
        call(client, URL + "?limit=2", null);
        call(client, URL, "{\"subject\":\"Қазақстан: «тапсырыс № 5» дайын 🚀\"}");
        call(client, URL, "{\"subject\":\"refuse: Ошибка ⛔\"}");
    }
}
