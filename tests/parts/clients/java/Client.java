import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.errors.OpenAIServiceException;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionMessageToolCall;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Asks a chat endpoint through OpenAI's SDK for Java, and says what came of it:
 * {@code java -cp 'lib/*' Client.java < asks.json > outcomes.json}.
 *
 * <p>Asks and outcomes are those of tests/sdk/drive.py.
 */
public final class Client {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final StringBuilder text = new StringBuilder();
    private final List<String[]> tools = new ArrayList<>();
    private String finish;

    public static void main(String[] arguments) throws Exception {
        ArrayNode outcomes = JSON.createArrayNode();
        for (JsonNode ask : JSON.readTree(System.in)) {
            outcomes.add(new Client().call(ask));
        }
        System.out.println();
        System.out.println(JSON.writeValueAsString(outcomes));
        System.exit(0); // the HTTP library's threads would wait for a minute
    }

    private ObjectNode call(JsonNode ask) {
        ObjectNode outcome = JSON.createObjectNode();
        outcome.putNull("error").putNull("status").put("message", "");
        OpenAIClient client =
                OpenAIOkHttpClient.builder()
                        .baseUrl(ask.get("url").asText())
                        .apiKey("none")
                        .maxRetries(0)
                        .timeout(Duration.ofMillis((long) (ask.get("timeout").asDouble() * 1000)))
                        .build();
        try {
            read(client, ask);
        } catch (Exception error) {
            outcome.put("error", error.getClass().getSimpleName());
            outcome.put("message", String.valueOf(error.getMessage()));
            if (error instanceof OpenAIServiceException refused) {
                outcome.put("status", refused.statusCode());
            }
        } finally {
            client.close();
        }
        outcome.put("text", text.toString()).put("finish", finish);
        ArrayNode calls = outcome.putArray("tools");
        tools.forEach(tool -> calls.addArray().add(tool[0]).add(tool[1]));
        return outcome;
    }

    private void read(OpenAIClient client, JsonNode ask) {
        ChatCompletionCreateParams say =
                ChatCompletionCreateParams.builder()
                        .model(ask.get("model").asText())
                        .addUserMessage("Hello!")
                        .build();
        if (!ask.get("stream").asBoolean()) {
            client.chat().completions().create(say).choices().forEach(this::take);
            return;
        }
        try (var stream = client.chat().completions().createStreaming(say)) {
            stream.stream().flatMap(chunk -> chunk.choices().stream()).forEach(this::take);
        }
    }

    private void take(ChatCompletion.Choice choice) {
        choice.message().content().ifPresent(text::append);
        finish = choice.finishReason().asString();
        int index = 0;
        for (ChatCompletionMessageToolCall call : choice.message().toolCalls().orElse(List.of())) {
            var function = call.asFunction().function();
            take(index++, function.name(), function.arguments());
        }
    }

    private void take(ChatCompletionChunk.Choice choice) {
        choice.delta().content().ifPresent(text::append);
        choice.finishReason().ifPresent(reason -> finish = reason.asString());
        choice.delta().toolCalls().orElse(List.of()).forEach(call -> call.function().ifPresent(
                function -> take(
                        (int) call.index(),
                        function.name().orElse(""),
                        function.arguments().orElse(""))));
    }

    private void take(int index, String name, String arguments) {
        while (tools.size() <= index) {
            tools.add(new String[] {"", ""});
        }
        tools.get(index)[0] += name;
        tools.get(index)[1] += arguments;
    }
}
