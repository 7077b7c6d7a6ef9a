# Reads one JSON object a line, {name, yaml (base64), steps}, and answers {name, answers: {Psych: {value} | {absent} | {error}}}.
require "base64"
require "date"
require "json"
require "psych"

def at(root, steps)
  here = root
  steps.each do |step|
    case here
    when Hash
      return { absent: true } unless here.key?(step)
    when Array
      return { absent: true } unless step.is_a?(Integer) && step < here.size
    else
      return { absent: true }
    end
    here = here[step]
  end
  here.is_a?(String) ? { value: here } : { other: here.inspect }
end

$stdin.each_line do |line|
  row = JSON.parse(line)
  next if row["kind"] == "json"

  # As a file is read ("bom|utf-8", Psych.load_file): of a string that begins with a byte order mark Psych reads the first pair alone.
  text = Base64.decode64(row["yaml"]).force_encoding("UTF-8").delete_prefix("\uFEFF")
  answer = begin
    at(Psych.safe_load(text, permitted_classes: [Date, Time, Symbol], aliases: true), row["steps"])
  rescue StandardError, SyntaxError => e
    { error: e.message.lines.first.to_s[0, 120] }
  end
  puts JSON.generate({ name: row["name"], answers: { Psych: answer } })
end
