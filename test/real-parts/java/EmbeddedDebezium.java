import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.format.Json;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.FileReader;
import java.io.PrintStream;
import java.util.Properties;

/** Debezium's embedded engine: prints each record as a line {"topic":…,"key":…,"value":…}; the argument is a file of properties. */
public class EmbeddedDebezium {
  public static void main(String[] args) throws Exception {
    Properties settings = new Properties();
    try (var file = new FileReader(args[0])) {
      settings.load(file);
    }
    PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
    DebeziumEngine<ChangeEvent<String, String>> engine = DebeziumEngine.create(Json.class)
        .using(settings)
        .notifying((records, committer) -> {
          for (var record : records) {
            out.println("{\"topic\":\"" + record.destination() + "\",\"key\":" + record.key() + ",\"value\":" + record.value() + "}");
            committer.markProcessed(record);
          }
          out.flush();
          committer.markBatchFinished();
        })
        .build();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try {
        engine.close();
      } catch (Exception error) {
        System.err.println(error.getMessage());
      }
    }));
    engine.run();
  }
}
