// SPDX-License-Identifier: Apache-2.0
// An outside eye: java VerifyTokens.java JWKS < tokens. Each line of standard input is a JWT that must verify against the
// JWK set, by nothing but Java's own library. Prints for each the kid and the algorithm; the first that does not verify ends it.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.AlgorithmParameters;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.security.spec.EdECPoint;
import java.security.spec.EdECPublicKeySpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.NamedParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.security.spec.RSAPublicKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

public final class VerifyTokens {
    /** The JSON that a JWK set and a JWT's header are made of: objects, arrays, strings without exotic escapes, numbers. */
    private static final class Json {
        private final String text;
        private int at;

        Json(String text) {
            this.text = text;
        }

        static Object read(String text) {
            Json json = new Json(text);
            Object value = json.value();
            json.blank();
            if (json.at != text.length()) throw new IllegalArgumentException("more than one JSON value");
            return value;
        }

        private void blank() {
            while (at < text.length() && Character.isWhitespace(text.charAt(at))) at++;
        }

        private boolean next(char c) {
            blank();
            if (at < text.length() && text.charAt(at) == c) {
                at++;
                return true;
            }
            return false;
        }

        private void must(char c) {
            if (!next(c)) throw new IllegalArgumentException("no '" + c + "' at " + at);
        }

        private String string() {
            StringBuilder out = new StringBuilder();
            must('"');
            while (text.charAt(at) != '"') {
                if (text.charAt(at) == '\\') at++;
                out.append(text.charAt(at++));
            }
            at++;
            return out.toString();
        }

        private Object value() {
            blank();
            char c = text.charAt(at);
            if (c == '"') return string();
            if (c == '{') {
                Map<String, Object> map = new LinkedHashMap<>();
                must('{');
                while (!next('}')) {
                    if (!map.isEmpty()) must(',');
                    String name = string();
                    must(':');
                    if (map.put(name, value()) != null) throw new IllegalArgumentException("twice: " + name);
                }
                return map;
            }
            if (c == '[') {
                List<Object> list = new ArrayList<>();
                must('[');
                while (!next(']')) {
                    if (!list.isEmpty()) must(',');
                    list.add(value());
                }
                return list;
            }
            int from = at;
            while (at < text.length() && "-+.0123456789eEtrufalsn".indexOf(text.charAt(at)) >= 0) at++;
            if (at == from) throw new IllegalArgumentException("no JSON value at " + at);
            return text.substring(from, at);
        }
    }

    private static byte[] bytes(Object base64url) {
        return Base64.getUrlDecoder().decode((String) base64url);
    }

    private static BigInteger number(Object base64url) {
        return new BigInteger(1, bytes(base64url));
    }

    /** RFC 8032, 5.1.2: y, little-endian, with the sign of x in the highest bit. */
    private static PublicKey ed25519(byte[] x) throws Exception {
        if (x.length != 32) throw new Exception("an Ed25519 key of " + x.length + " bytes");
        byte[] y = new byte[32];
        for (int i = 0; i < 32; i++) y[31 - i] = x[i];
        boolean odd = y[0] < 0;
        y[0] &= 0x7f;
        EdECPoint point = new EdECPoint(odd, new BigInteger(1, y));
        return KeyFactory.getInstance("Ed25519").generatePublic(new EdECPublicKeySpec(NamedParameterSpec.ED25519, point));
    }

    private static final Map<String, String> CURVES = Map.of("P-256", "secp256r1", "P-384", "secp384r1", "P-521", "secp521r1");

    private static PublicKey key(Map<?, ?> jwk) throws Exception {
        if (jwk.get("kty").equals("RSA")) {
            return KeyFactory.getInstance("RSA").generatePublic(new RSAPublicKeySpec(number(jwk.get("n")), number(jwk.get("e"))));
        }
        if (jwk.get("kty").equals("OKP")) return ed25519(bytes(jwk.get("x")));
        AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
        curve.init(new ECGenParameterSpec(CURVES.get(jwk.get("crv"))));
        ECPoint point = new ECPoint(number(jwk.get("x")), number(jwk.get("y")));
        return KeyFactory.getInstance("EC").generatePublic(new ECPublicKeySpec(point, curve.getParameterSpec(ECParameterSpec.class)));
    }

    private static final Map<String, List<String>> MEMBERS =
        Map.of("RSA", List.of("e", "kty", "n"), "EC", List.of("crv", "kty", "x", "y"), "OKP", List.of("crv", "kty", "x"));

    /** RFC 7638, over the members as they stand in the set. */
    private static String thumbprint(Map<?, ?> jwk) throws Exception {
        List<String> required = MEMBERS.get((String) jwk.get("kty"));
        StringJoiner members = new StringJoiner(",", "{", "}");
        for (String name : required) members.add("\"" + name + "\":\"" + jwk.get(name) + "\"");
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(members.toString().getBytes(StandardCharsets.US_ASCII));
        return Base64.getUrlEncoder().withoutPadding().encodeToString(digest);
    }

    /** The set itself: kids unique and right, certificates of these very keys. */
    private static void check(Map<?, ?> jwk, PublicKey key) throws Exception {
        if (!thumbprint(jwk).equals(jwk.get("kid"))) throw new Exception("kid " + jwk.get("kid") + " is not the key's thumbprint");
        if (jwk.containsKey("d") || jwk.containsKey("p")) throw new Exception("a private number is published");
        if (!(jwk.get("x5c") instanceof List)) return;
        byte[] der = Base64.getDecoder().decode((String) ((List<?>) jwk.get("x5c")).get(0));
        PublicKey certified = CertificateFactory.getInstance("X.509")
            .generateCertificate(new java.io.ByteArrayInputStream(der)).getPublicKey();
        if (!certified.equals(key)) throw new Exception("x5c of " + jwk.get("kid") + " certifies another key");
    }

    private static Signature algorithm(String alg) throws Exception {
        if (alg.equals("EdDSA")) return Signature.getInstance("Ed25519");
        String bits = alg.substring(2);
        if (alg.startsWith("RS")) return Signature.getInstance("SHA" + bits + "withRSA");
        if (alg.startsWith("ES")) return Signature.getInstance("SHA" + bits + "withECDSAinP1363Format");
        if (!alg.startsWith("PS")) throw new Exception("algorithm " + alg);
        Signature pss = Signature.getInstance("RSASSA-PSS");
        pss.setParameter(new PSSParameterSpec("SHA-" + bits, "MGF1", new MGF1ParameterSpec("SHA-" + bits), Integer.parseInt(bits) / 8, 1));
        return pss;
    }

    public static void main(String[] args) throws Exception {
        Map<String, PublicKey> keys = new HashMap<>();
        for (Object one : (List<?>) ((Map<?, ?>) Json.read(Files.readString(Path.of(args[0])))).get("keys")) {
            Map<?, ?> jwk = (Map<?, ?>) one;
            PublicKey key = key(jwk);
            check(jwk, key);
            if (keys.put((String) jwk.get("kid"), key) != null) throw new Exception("kid " + jwk.get("kid") + " stands there twice");
        }
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line; (line = in.readLine()) != null;) {
            String[] parts = line.split("\\.");
            Map<?, ?> head = (Map<?, ?>) Json.read(new String(bytes(parts[0]), StandardCharsets.UTF_8));
            PublicKey key = keys.get((String) head.get("kid"));
            if (key == null) throw new Exception("kid " + head.get("kid") + " is not published");
            Signature signature = algorithm((String) head.get("alg"));
            signature.initVerify(key);
            signature.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII));
            if (!signature.verify(bytes(parts[2]))) throw new Exception("does not verify: " + line);
            System.out.println(head.get("kid") + " " + head.get("alg"));
        }
    }
}
