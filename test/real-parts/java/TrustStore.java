import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;

/** Puts the certificates of a PEM file into a new store: arguments are the file, the store and its password. */
public class TrustStore {
  public static void main(String[] args) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    int number = 0;
    try (var pem = new FileInputStream(args[0])) {
      for (var certificate : CertificateFactory.getInstance("X.509").generateCertificates(pem)) {
        store.setCertificateEntry("certificate-" + number++, certificate);
      }
    }
    try (var file = new FileOutputStream(args[1])) {
      store.store(file, args[2].toCharArray());
    }
  }
}
