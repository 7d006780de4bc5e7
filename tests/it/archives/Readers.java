import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.security.MessageDigest;
import java.util.Enumeration;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;

/** Java's two zip readers, from the directory and from the front; see readers.py. */
public class Readers {
    static String hash(InputStream in) throws Exception {
        MessageDigest sum = MessageDigest.getInstance("SHA-256");
        byte[] buffer = new byte[65536];
        for (int n; (n = in.read(buffer)) > 0; ) sum.update(buffer, 0, n);
        StringBuilder out = new StringBuilder();
        for (byte b : sum.digest()) out.append(String.format("%02x", b));
        return out.toString();
    }

    static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) out.append(String.format("\\u%04x", (int) c));
        return out.append('"').toString();
    }

    interface Reading {
        void into(Map<String, String> found) throws Exception;
    }

    static String answer(String name, Reading reading) {
        Map<String, String> found = new TreeMap<>();
        StringBuilder out = new StringBuilder("\"" + name + "\":");
        try {
            reading.into(found);
        } catch (Throwable error) {
            return out + "\"refused\"";
        }
        String between = "{";
        for (Map.Entry<String, String> one : found.entrySet()) {
            out.append(between).append(quoted(one.getKey())).append(":\"").append(one.getValue()).append('"');
            between = ",";
        }
        return out + (found.isEmpty() ? "{}" : "}");
    }

    static String clean(String name) {
        return name.startsWith("./") ? name.substring(2) : name;
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line; (line = lines.readLine()) != null; ) {
            final String path = line;
            String byDirectory = answer("java ZipFile", found -> {
                try (ZipFile zip = new ZipFile(path)) {
                    for (Enumeration<? extends ZipEntry> all = zip.entries(); all.hasMoreElements(); ) {
                        ZipEntry entry = all.nextElement();
                        if (!entry.isDirectory()) found.put(clean(entry.getName()), hash(zip.getInputStream(entry)));
                    }
                }
            });
            String fromFront = answer("java ZipInputStream", found -> {
                try (ZipInputStream zip = new ZipInputStream(new FileInputStream(path))) {
                    for (ZipEntry entry; (entry = zip.getNextEntry()) != null; ) {
                        String sum = hash(zip);
                        if (!entry.isDirectory()) found.put(clean(entry.getName()), sum);
                    }
                }
            });
            System.out.println("{" + byDirectory + "," + fromFront + "}");
            System.out.flush();
        }
    }
}
