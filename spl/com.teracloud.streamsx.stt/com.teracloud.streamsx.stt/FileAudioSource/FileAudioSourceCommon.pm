# What both templates of FileAudioSource ask of the operator instance, and what can be checked when it is compiled.
package FileAudioSourceCommon;

use strict;
use warnings;
use SpeechToTextCommon;

# Attribute of the first output port => its type and its value in C++.
my %ATTRIBUTES = (
    conversationId => ['rstring', 'SPL::rstring(id)'],
    speech         => ['blob',    'audio'],
    audioChunk     => ['blob',    'audio'],
    channel        => ['int32',   'channel'],
    channels       => ['int32',   'channels'],
    sampleRate     => ['int32',   'sampleRate'],
    audioTimestamp => ['uint64',  'timestampMs'],
);
my %ERROR_ATTRIBUTES = (
    conversationId => ['rstring', 'SPL::rstring(id)'],
    map { $_ => ['rstring', 'SPL::rstring(message)'] } qw(sttErrorMessage errorMessage message)
);

# The C++ expression of the path.
sub file($) {
    my ($model) = @_;
    return SpeechToTextCommon::value($model, 'file', undef) // SpeechToTextCommon::value($model, 'filename', undef);
}

# [attribute name, C++ expression] of what the port gets.
sub assignments($$) {
    my ($model, $number) = @_;
    my $values = $number == 0 ? \%ATTRIBUTES : \%ERROR_ATTRIBUTES;
    my @assignments;
    for my $attribute (@{$model->getOutputPortAt($number)->getAttributes()}) {
        my $name = $attribute->getName();
        push @assignments, [$name, $values->{$name}[1]] if $values->{$name};
    }
    return \@assignments;
}

# Raises what is wrong. warns: what is only odd is said too: by one of the two templates.
sub verify($$) {
    my ($model, $warns) = @_;
    require SpeechToTextResource;
    my $kind = $model->getContext()->getKind();
    my $location = $model->getContext()->getSourceLocation();
    my $n_files = grep { $model->getParameterByName($_) } qw(file filename);
    SPL::CodeGen::exitln(SpeechToTextResource::STT_ONE_FILE($kind), $location) if $n_files != 1;
    if ($model->getParameterByName('chunkMs') && $model->getParameterByName('blockSize')) {
        SPL::CodeGen::exitln(SpeechToTextResource::STT_ONE_SIZE($kind), $location);
    }
    my $parameter = $model->getParameterByName('channelMode');
    my $mode = $parameter ? $parameter->getValueAt(0)->getSPLExpression() : '';
    if ($mode =~ /^"/ && $mode !~ /^"(mix|split|interleave)"$/) {
        SPL::CodeGen::exitln(SpeechToTextResource::STT_CHANNEL_MODE($kind, $mode), $location);
    }
    verify_port($model, 0, $kind, \%ATTRIBUTES, $warns);
    verify_port($model, 1, $kind, \%ERROR_ATTRIBUTES, $warns) if $model->getNumberOfOutputPorts() > 1;
    if (!grep { $_->[1] eq 'audio' } @{assignments($model, 0)}) {
        SPL::CodeGen::exitln(SpeechToTextResource::STT_NO_BLOB($kind), $model->getOutputPortAt(0)->getSourceLocation());
    }
}
sub verify_port($$$$$) {
    my ($model, $number, $kind, $values, $warns) = @_;
    my $port = $model->getOutputPortAt($number);
    for my $attribute (@{$port->getAttributes()}) {
        my ($name, $type) = ($attribute->getName(), $attribute->getSPLType());
        if (!$values->{$name}) {
            SPL::CodeGen::warnln(SpeechToTextResource::STT_NOT_FILLED($kind, $name), $port->getSourceLocation()) if $warns;
        } elsif ($type ne $values->{$name}[0]) {
            SPL::CodeGen::exitln(SpeechToTextResource::STT_SOURCE_TYPE($kind, $name, $type, $values->{$name}[0]),
                $port->getSourceLocation());
        }
    }
}

1;
