"""How other programs open what sealkit seals: samples under a throw-away key, and one-liners that read the two-part form.

The one-liners take the first two parts and leave a third one alone, as consumers do that know nothing of tags: none of them checks
whether a blob was altered.
"""

from __future__ import annotations

from typing import NamedTuple

from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.sealer import PLAIN, SYNTHETIC, TAGGED, Sealer

PAYLOAD = "Only for trying: grüße aus sealkit."
ID = "throw-away"


class Samples(NamedTuple):
    """A key that was made for this, in hex, and one blob of ``PAYLOAD`` in each format, by the format's name."""

    key: str
    blobs: dict[str, str]


class Recipe(NamedTuple):
    """How one program opens a blob: ``text`` with ``{blob}`` and ``{key}`` (hex) in it; SQL where ``is_sql``, else for a POSIX shell.

    ``needs`` is the program that runs it. What is not ``is_tested`` was written after that program's documentation.
    """

    name: str
    needs: str
    text: str
    is_sql: bool = False
    is_tested: bool = True

    def filled(self, blob: str, key: str) -> str:
        """Return the text with a blob and a key in it."""
        return self.text.replace("{blob}", blob).replace("{key}", key)


_JAVA = """cat > Open.java <<'END'
import javax.crypto.Cipher; import javax.crypto.spec.*; import java.util.*;
class Open { public static void main(String[] a) throws Exception {
  byte[][] p = Arrays.stream(a[0].split(";")).map(Base64.getDecoder()::decode).toArray(byte[][]::new);
  Cipher c = Cipher.getInstance("AES/CBC/PKCS5Padding");
  c.init(Cipher.DECRYPT_MODE, new SecretKeySpec(HexFormat.of().parseHex(a[1]), "AES"), new IvParameterSpec(p[1]));
  System.out.write(c.doFinal(p[0])); System.out.flush(); } }
END
java Open.java '{blob}' {key}"""

_GO = """cat > open.go <<'END'
package main
import ("crypto/aes"; "crypto/cipher"; "encoding/base64"; "encoding/hex"; "os"; "strings")
func main() {
  p := strings.Split(os.Args[1], ";"); e, _ := base64.StdEncoding.DecodeString(p[0]); iv, _ := base64.StdEncoding.DecodeString(p[1])
  k, _ := hex.DecodeString(os.Args[2]); b, _ := aes.NewCipher(k)
  cipher.NewCBCDecrypter(b, iv).CryptBlocks(e, e); os.Stdout.Write(e[:len(e)-int(e[len(e)-1])]) }
END
go run open.go '{blob}' {key}"""

_CSHARP = """cat > Open.cs <<'END'
using System; using System.Linq; using System.Security.Cryptography;
class Open { static void Main(string[] a) {
  var p = a[0].Split(';').Take(2).Select(Convert.FromBase64String).ToArray();
  using (var aes = Aes.Create()) {  // CBC and PKCS7 are its defaults
    aes.Key = Enumerable.Range(0, a[1].Length / 2).Select(i => Convert.ToByte(a[1].Substring(2 * i, 2), 16)).ToArray(); aes.IV = p[1];
    var o = aes.CreateDecryptor().TransformFinalBlock(p[0], 0, p[0].Length); Console.OpenStandardOutput().Write(o, 0, o.Length); } } }
END
mcs Open.cs && mono Open.exe '{blob}' {key}"""

RECIPES = (
    Recipe(
        "openssl",
        "openssl",
        "b='{blob}'; iv=$(printf %s \"$b\" | cut -d';' -f2 | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \\n')\n"
        'printf %s "$b" | cut -d\';\' -f1 | openssl base64 -d -A | openssl enc -d -aes-256-cbc -K {key} -iv "$iv"',
    ),
    Recipe(
        "Node",
        "node",
        'node -e \'const [e, iv] = process.argv[1].split(";").map(p => Buffer.from(p, "base64")); const d = require("crypto")'
        '.createDecipheriv("aes-256-cbc", Buffer.from(process.argv[2], "hex"), iv);'
        " process.stdout.write(Buffer.concat([d.update(e), d.final()]))' '{blob}' {key}",
    ),
    Recipe(
        "PHP",
        "php",
        'php -r \'[$e, $iv] = array_map("base64_decode", explode(";", $argv[1]));'
        " echo openssl_decrypt($e, \"aes-256-cbc\", hex2bin($argv[2]), OPENSSL_RAW_DATA, $iv);' '{blob}' {key}",
    ),
    Recipe(
        "Ruby",
        "ruby",
        'ruby -ropenssl -e \'e, iv = ARGV[0].split(";").map { |p| p.unpack1("m0") };'
        ' c = OpenSSL::Cipher.new("aes-256-cbc").decrypt; c.key = [ARGV[1]].pack("H*"); c.iv = iv;'
        " print c.update(e) + c.final' '{blob}' {key}",
    ),
    Recipe("Java", "java", _JAVA),
    Recipe("Go", "go", _GO),
    Recipe("C#, here compiled by Mono", "mcs", _CSHARP),
    Recipe(
        "PostgreSQL, with the extension pgcrypto",
        "postgres",
        "SELECT convert_from(decrypt_iv(decode(split_part(b, ';', 1), 'base64'), decode('{key}', 'hex'),\n"
        "  decode(split_part(b, ';', 2), 'base64'), 'aes-cbc/pad:pkcs'), 'UTF8') FROM (VALUES ('{blob}')) AS t(b);",
        is_sql=True,
    ),
    Recipe(
        "Spark SQL",
        "spark-sql",
        "SELECT cast(aes_decrypt(concat(unbase64(split(b, ';')[1]), unbase64(split(b, ';')[0])), unhex('{key}'), 'CBC', 'PKCS') AS string)\n"
        "  FROM VALUES ('{blob}') AS t(b);",
        is_sql=True,
    ),
    Recipe(
        "MySQL 8 (MariaDB before 11.2 takes no IV)",
        "mysql",
        "SET block_encryption_mode = 'aes-256-cbc';\n"
        "SELECT convert(aes_decrypt(from_base64(substring_index(b, ';', 1)), unhex('{key}'),\n"
        "  from_base64(substring_index(substring_index(b, ';', 2), ';', -1))) USING utf8mb4) FROM (SELECT '{blob}' AS b) AS t;",
        is_sql=True,
        is_tested=False,
    ),
)


def samples() -> Samples:
    """Make a key, seal ``PAYLOAD`` under it in each format, and forget the key."""
    from sealkit.keys.key import random_secret

    secret = random_secret(256)
    with KeyRing([Key(ID, secret, format=SYNTHETIC)], primary=ID) as ring:
        sealer = Sealer(ring)
        blobs = {form: str(sealer.seal(PAYLOAD.encode(), format=form)) for form in (PLAIN, TAGGED, SYNTHETIC)}
    return Samples(secret.hex(), blobs)
